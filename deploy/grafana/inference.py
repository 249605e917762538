"""Models at work, in the process or at Triton, and the GPUs below."""

from deploy.grafana.board import Board, Section
from deploy.grafana.dress import Says
from deploy.grafana.gpus import by_dcgm, by_triton
from deploy.grafana.panels import Sized, lines, listing
from deploy.grafana.queries import Query, of, quantile, rate

_RUN = "onrecord_inference_seconds"
_BATCH = "onrecord_inference_batch_images"
_SUCCESS = "nv_inference_request_success"


def inference() -> Board:
    return Board(
        "onrecord-inference",
        "Inference and GPU",
        "Models as their callers see them, Triton as it sees itself, and the GPUs as Triton and "
        "DCGM tell of them. Without Triton or GPUs the lower rows say so.",
        (
            Section("Models, as their callers see them", _models()),
            Section("Triton", _triton()),
            Section("GPUs, as Triton tells of them", by_triton(), folded=True),
            Section("GPUs, as DCGM tells of them", by_dcgm(), folded=True),
        ),
    )


def _models() -> tuple[Sized, ...]:
    return (
        lines(
            Says(
                "One run, 95 of 100",
                "What 95 of 100 runs of a model took at most, as its caller waited for it. "
                "Normal: tens of milliseconds on a CPU, below ten on a GPU; together with the "
                "batch.",
                "s",
            ),
            Query(quantile(0.95, _RUN, by="model"), "{{model}}"),
            width=8,
        ),
        lines(
            Says(
                "Runs a second",
                "How often each model ran. Normal: a detector runs several times an image.",
                "ops",
            ),
            Query(rate(f"{_RUN}_count", by="model"), "{{model}}"),
            width=8,
        ),
        lines(
            Says(
                "Images in a run",
                "The mean of what one run was given by its caller. Normal: 1 for searches, more "
                "while enrolling.",
                "short",
            ),
            Query(
                f"{rate(f'{_BATCH}_sum', by='model')} / {rate(f'{_BATCH}_count', by='model')}",
                "{{model}}",
            ),
            width=8,
        ),
        listing(
            Says(
                "Models",
                "Which models processes may run, by what identifies their templates (name, "
                "version, precision, content hash). Normal: one id a model; two while a model is "
                "changed, and then templates of both are kept apart.",
                "short",
            ),
            Query(f"count by (model, model_id, job) ({of('onrecord_model_info')})", "processes"),
            columns=("model", "model_id", "job"),
            width=24,
            height=5,
        ),
    )


def _triton() -> tuple[Sized, ...]:
    failure = "nv_inference_request_failure"
    return (
        lines(
            Says(
                "Requests that succeeded",
                "Requests a second, by model. Normal: as the callers' own count above.",
                "reqps",
            ),
            Query(rate(_SUCCESS, by="model"), "{{model}}"),
            width=8,
        ),
        lines(
            Says(
                "Requests that failed",
                "Requests a second, by model and reason. Normal: 0; CANCELED are callers whose "
                "deadline passed, REJECTED a full queue.",
                "reqps",
            ),
            Query(rate(failure, by="model, reason"), "{{model}} {{reason}}"),
            width=8,
        ),
        lines(
            Says(
                "Waiting in Triton",
                "Requests that wait for a model at this moment. Normal: near 0. What stays above "
                "is what scaling follows: more requests come than the model serves.",
                "short",
            ),
            Query(
                f"sum by (model) ({of('nv_inference_pending_request_count')})",
                "{{model}}",
            ),
            width=8,
        ),
        lines(
            Says(
                "Time in the queue",
                "Mean time a request waited before its model ran. Normal: below the batcher's "
                "delay; above it Triton is full.",
                "µs",
            ),
            Query(_mean("nv_inference_queue_duration_us"), "{{model}}"),
            width=8,
        ),
        lines(
            Says(
                "Time in the model",
                "Mean time the model itself took for a request. Normal: steady; it rises with the "
                "batch, and where a GPU is throttled.",
                "µs",
            ),
            Query(_mean("nv_inference_compute_infer_duration_us"), "{{model}}"),
            width=8,
        ),
        lines(
            Says(
                "Images in an execution",
                "How many images Triton ran together, mean: what its batcher makes of requests. "
                "Normal: 1 at rest, more under load.",
                "short",
            ),
            Query(
                f"{rate('nv_inference_count', by='model')} / "
                f"{rate('nv_inference_exec_count', by='model')}",
                "{{model}}",
            ),
            width=8,
        ),
    )


def _mean(total: str) -> str:
    return f"{rate(total, by='model')} / {rate(_SUCCESS, by='model')}"
