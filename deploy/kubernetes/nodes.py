"""Simulated nodes: what the scheduler sees of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

GPU: Final = "nvidia.com/gpu"
ZONE: Final = "topology.kubernetes.io/zone"
PLANE: Final = "onrecord.org/plane"
HOST_NAME: Final = "kubernetes.io/hostname"


@dataclass(frozen=True, slots=True)
class SimulatedNode:
    """A machine with whole processors, memory in GiB, and GPUs that only who asks may come to."""

    name: str
    zone: str
    processors: int
    memory: int
    gpus: int = 0
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)

    def manifest(self) -> dict[str, object]:
        """The Node object; NVIDIA's device plugin and feature discovery give such labels."""
        labels = {
            HOST_NAME: self.name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            ZONE: self.zone,
            "topology.kubernetes.io/region": "us-west",
            **self.labels,
        }
        has = {"cpu": str(self.processors), "memory": f"{self.memory}Gi", "pods": "110"}
        has |= {"ephemeral-storage": "500Gi"}
        spec: dict[str, object] = {}
        if self.gpus:
            labels |= {f"{GPU}.present": "true"}
            has |= {GPU: str(self.gpus)}
            spec = {"taints": [{"key": GPU, "value": "present", "effect": "NoSchedule"}]}
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "labels": labels},
            "spec": spec,
            "status": {"capacity": has, "allocatable": has},
        }


def three_zones(general: int = 2, gpus: int = 1, planes: Sequence[str] = ()) -> list[SimulatedNode]:
    """In each of three zones: `general` nodes, `gpus` with two GPUs each, and one kept for each
    plane by its name (the label `onrecord.org/plane`).
    """
    found = []
    for zone in ("us-west-a", "us-west-b", "us-west-c"):
        last = zone[-1]
        found += [SimulatedNode(f"general-{last}{n}", zone, 32, 128) for n in range(general)]
        found += [SimulatedNode(f"gpu-{last}{n}", zone, 16, 128, 2) for n in range(gpus)]
        found += [
            SimulatedNode(f"{plane}-{last}", zone, 16, 64, labels={PLANE: plane})
            for plane in planes
        ]
    return found
