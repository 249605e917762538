"""What a detection process is told (`ONRECORD_DETECTION_*`)."""

from pydantic_settings import SettingsConfigDict

from onrecord.chassis.settings import (
    BusSettings,
    GrpcSettings,
    InferenceSettings,
    Names,
    ObjectsSettings,
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
    ObjectsSettings,
    PlanesSettings,
    ThrottleSettings,
):
    """Detection: finds the one face of an image; on the bus, of every portrait to be enrolled."""

    model_config = SettingsConfigDict(env_prefix="ONRECORD_DETECTION_")

    ingest: str = setting(
        names=Names.STORE,
        says="Where sealed portraits wait to be worked on: a folder, or s3://bucket/prefix.",
    )
    portraits_at_once: int = setting(
        PORTRAITS_AT_ONCE,
        unit="portraits",
        ge=1,
        le=64,
        says="Portraits to be enrolled that are worked on side by side, each on a thread.",
    )
