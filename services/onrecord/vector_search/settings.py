"""What a plane's process is told (`ONRECORD_VECTOR_SEARCH_*`)."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from onrecord.chassis.settings import (
    BusSettings,
    GrpcSettings,
    Names,
    ObjectsSettings,
    ThrottleSettings,
    TokenSettings,
    VerifyingSettings,
    setting,
)
from onrecord.chassis.settings.databases import DatabaseSettings


class VectorSearchSettings(
    DatabaseSettings,
    GrpcSettings,
    VerifyingSettings,
    TokenSettings,
    BusSettings,
    ObjectsSettings,
    ThrottleSettings,
):
    """A plane: galleries, their roster, their keys and their index."""

    model_config = SettingsConfigDict(env_prefix="ONRECORD_VECTOR_SEARCH_")

    plane: str = setting(
        pattern="^[a-z0-9][a-z0-9-]{0,62}$",
        says="This plane's name: what the gateway and the other services know it by, and its "
        "consumer group on the bus. Never changed once it has consumed.",
    )
    audit: str = setting(says="Where audit is called, host:port.")
    roster_url: SecretStr = setting(
        names=Names.DATABASE,
        says="The database `roster`, as an SQLAlchemy URL; it may hold a password.",
    )
    milvus: str = setting(
        names=Names.INDEX,
        says="Milvus: http(s)://host:port, or the path of a Milvus Lite file, *.db.",
    )
    milvus_token: SecretStr = setting(SecretStr(""), says="Milvus's token, user:password.")
    milvus_idle_seconds: float = setting(
        3600.0,
        unit="seconds",
        ge=1,
        le=31_536_000,
        says="A gallery that was not searched for so long is released from a Milvus server's "
        "memory; the next search has it loaded again. Looked after every `maintenance_seconds`.",
    )
    milvus_load_wait_seconds: float = setting(
        10.0,
        unit="seconds",
        ge=0,
        le=120,
        says="How long a search waits, within its deadline, for a gallery to be loaded; then it is "
        "refused with a time to ask again, and loading goes on.",
    )
    milvus_metrics: str = setting(
        "",
        says="Where each Milvus proxy tells its metrics, http(s)://host:9091/metrics, several with "
        "spaces between; never a balancer. Milvus's own count of searches is then held against "
        "ours, which needs a Milvus that this one process has for itself. Empty: not compared.",
    )
    search_count_seconds: float = setting(
        15.0,
        unit="seconds",
        gt=0,
        le=60,
        says="How often Milvus's own count of searches is held against ours.",
    )
    keys: Path = setting(names=Names.STORE, says="The folder of the galleries' private keys.")
    vault: str = setting(
        names=Names.STORE,
        says="Sealed portraits: a folder, or s3://bucket/prefix.",
    )
    ingest: str = setting(
        names=Names.STORE,
        says="Where sealed portraits wait to be worked on: a folder, or s3://bucket/prefix.",
    )
    max_records: int | None = setting(
        None,
        ge=1,
        unit="records",
        says="Live records a gallery may hold; by default what suits the index (200,000 on a "
        "file, 100,000,000 on a server).",
    )
    backup_days: int = setting(
        35,
        unit="days",
        ge=0,
        le=3650,
        says="How long backups of vault and roster are kept; the receipt of a deletion says it.",
    )
    maintenance_seconds: float = setting(
        60.0,
        unit="seconds",
        gt=0,
        le=3600,
        says="How often keys are rotated and destroyed that are due, and indexes compacted.",
    )
