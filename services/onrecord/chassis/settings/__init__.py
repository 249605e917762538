"""What a process is told: settings by file and environment, each documented at its field."""

from onrecord.chassis.settings.bases import (
    BusSettings,
    GrpcSettings,
    InferenceSettings,
    ObjectsSettings,
    PlaneAddress,
    PlanesSettings,
    ProcessSettings,
    ThrottleSettings,
    TokenSettings,
    VerifyingSettings,
)
from onrecord.chassis.settings.fields import Names, setting
from onrecord.chassis.settings.files import examine_files
from onrecord.chassis.settings.loading import Problem, examine, load

__all__ = [
    "BusSettings",
    "GrpcSettings",
    "InferenceSettings",
    "Names",
    "ObjectsSettings",
    "PlaneAddress",
    "PlanesSettings",
    "Problem",
    "ProcessSettings",
    "ThrottleSettings",
    "TokenSettings",
    "VerifyingSettings",
    "examine",
    "examine_files",
    "load",
    "setting",
]
