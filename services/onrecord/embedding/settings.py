"""What an embedding process is told (`ONRECORD_EMBEDDING_*`)."""

from pydantic_settings import SettingsConfigDict

from onrecord.chassis.settings import (
    BusSettings,
    GrpcSettings,
    InferenceSettings,
    PlanesSettings,
    ThrottleSettings,
    VerifyingSettings,
)


class EmbeddingSettings(
    GrpcSettings,
    VerifyingSettings,
    InferenceSettings,
    BusSettings,
    PlanesSettings,
    ThrottleSettings,
):
    """Embedding: makes a template of an aligned face; on the bus, of every crop."""

    model_config = SettingsConfigDict(env_prefix="ONRECORD_EMBEDDING_")
