"""Which settings and which server a service's name stands for; imported when it is asked for."""

import importlib
from typing import Any

from onrecord.chassis.settings import ProcessSettings
from onrecord.kernel.vocabulary import Service

_SETTINGS = {
    Service.GATEWAY: "GatewaySettings",
    Service.DETECTION: "DetectionSettings",
    Service.EMBEDDING: "EmbeddingSettings",
    Service.VECTOR_SEARCH: "VectorSearchSettings",
    Service.AUDIT: "AuditSettings",
}
NAMES = [service.value for service in Service]


def settings_of(service: Service) -> type[ProcessSettings]:
    """The service's settings class."""
    module = importlib.import_module(f"onrecord.{_package(service)}.settings")
    kind: type[ProcessSettings] = getattr(module, _SETTINGS[service])
    return kind


def opener_of(service: Service) -> Any:
    """The service's `opened(settings, told)`: a context manager that gives a `Process`."""
    return importlib.import_module(f"onrecord.{_package(service)}.server").opened


def contract_of(service: Service) -> str:
    """The full gRPC name of what the service promises: `onrecord.rpc.v1.VectorSearch`."""
    return "onrecord.rpc.v1." + "".join(part.capitalize() for part in service.value.split("-"))


def _package(service: Service) -> str:
    return service.value.replace("-", "_")
