"""GPUs, as Triton and as DCGM tell of them."""

from deploy.grafana.dress import Says
from deploy.grafana.panels import Sized, lines, state
from deploy.grafana.queries import Query, of

_GPU = "{{node}} GPU {{gpu}}"


def by_triton() -> tuple[Sized, ...]:
    used, total = of("nv_gpu_memory_used_bytes"), of("nv_gpu_memory_total_bytes")
    return (
        lines(
            Says(
                "GPU at work",
                "The share of time that each GPU of Triton was at work. Normal: below 80 %; at "
                "100 % with requests waiting, add one.",
                "percentunit",
            ),
            Query(f"max by (gpu_uuid) ({of('nv_gpu_utilization')})", "{{gpu_uuid}}"),
            width=8,
            height=7,
        ),
        lines(
            Says(
                "GPU memory",
                "The share of each GPU's memory that is used. Normal: steady from the loading of "
                "the models on; it does not grow.",
                "percentunit",
            ),
            Query(f"max by (gpu_uuid) ({used} / {total})", "{{gpu_uuid}}"),
            width=8,
            height=7,
        ),
        lines(
            Says(
                "GPU power",
                "What each GPU draws. Normal: below its limit; at the limit it is throttled.",
                "watt",
            ),
            Query(f"max by (gpu_uuid) ({of('nv_gpu_power_usage')})", "{{gpu_uuid}}"),
            Query(f"max by (gpu_uuid) ({of('nv_gpu_power_limit')})", "{{gpu_uuid}}, limit"),
            width=8,
            height=7,
        ),
    )


def by_dcgm() -> tuple[Sized, ...]:
    used, free = "DCGM_FI_DEV_FB_USED{}", "DCGM_FI_DEV_FB_FREE{}"
    return (
        lines(
            Says(
                "Utilisation by node",
                "The share of time that each GPU was at work, whoever used it. Normal: as the row "
                "above; more means that something else runs there.",
                "percent",
            ),
            Query(_of_each("DCGM_FI_DEV_GPU_UTIL{}"), _GPU),
            width=8,
            height=7,
        ),
        lines(
            Says(
                "Memory by node",
                "The share of each GPU's frame buffer that is used. Normal: steady.",
                "percentunit",
            ),
            Query(_of_each(f"{used} / ({used} + {free})"), _GPU),
            width=8,
            height=7,
        ),
        lines(
            Says(
                "Temperature",
                "Of each GPU. Normal: below 80 °C; most slow down from 85 °C on.",
                "celsius",
            ),
            Query(_of_each("DCGM_FI_DEV_GPU_TEMP{}"), _GPU),
            width=8,
            height=7,
        ),
        lines(
            Says(
                "Power by node",
                "What each GPU draws. Normal: it follows utilisation.",
                "watt",
            ),
            Query(_of_each("DCGM_FI_DEV_POWER_USAGE{}"), _GPU),
            width=8,
            height=7,
        ),
        lines(
            Says(
                "Clock",
                "The frequency of each GPU's processors, in MHz. Normal: steady under load; a "
                "fall while it is at work is throttling, by power or heat.",
                "rotmhz",
            ),
            Query(_of_each("DCGM_FI_DEV_SM_CLOCK{}"), _GPU),
            width=8,
            height=7,
        ),
        state(
            Says(
                "Last XID error",
                "The driver's number of the last error of any GPU; 0: none since it started. "
                "Normal: 0. 48, 63, 74, 79 and 94 to 95 are hardware: drain the node.",
                "short",
            ),
            # Newer exporters tell of no XID before there was one.
            Query("max (DCGM_FI_DEV_XID_ERRORS{}) or 0 * max (DCGM_FI_DEV_GPU_UTIL{})"),
            height=7,
        ),
        state(
            Says(
                "Rows that failed to remap",
                "1 where a GPU could not replace a broken row of its memory. Normal: 0; a GPU "
                "with 1 is to be exchanged. GPUs before Ampere tell nothing of it.",
                "short",
            ),
            Query("max (DCGM_FI_DEV_ROW_REMAP_FAILURE{})"),
            height=7,
        ),
    )


def _of_each(gauge: str) -> str:
    """One line a GPU. dcgm-exporter names its node by the label `Hostname`, and from May 2026 on
    by `hostname`; where a pod uses the GPU, or a share of it, it tells of that GPU more than once.
    """
    named = f'label_join({gauge}, "node", "", "hostname", "Hostname")'
    return f"max by (node, gpu, UUID) ({named})"
