"""What a detection process is told (`ONRECORD_DETECTION_*`)."""

from pathlib import Path

from pydantic_settings import SettingsConfigDict

from onrecord.chassis.settings import (
    BusSettings,
    GrpcSettings,
    InferenceSettings,
    Names,
    PlanesSettings,
    ThrottleSettings,
    VerifyingSettings,
    setting,
)
from onrecord.detection.core.pace import PORTRAITS_AT_ONCE


class DetectionSettings(
    GrpcSettings,
    VerifyingSettings,
    InferenceSettings,
    BusSettings,
    PlanesSettings,
    ThrottleSettings,
):
    """Detection: finds the one face of an image; on the bus, of every portrait to be enrolled."""

    model_config = SettingsConfigDict(env_prefix="ONRECORD_DETECTION_")

    ingest: Path = setting(
        names=Names.STORE,
        says="The object store (a folder) in which sealed portraits wait to be worked on.",
    )
    portraits_at_once: int = setting(
        PORTRAITS_AT_ONCE,
        unit="portraits",
        ge=1,
        le=64,
        says="Portraits to be enrolled that are worked on side by side, each on a thread.",
    )
