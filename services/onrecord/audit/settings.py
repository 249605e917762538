"""What an audit process is told (`ONRECORD_AUDIT_*`)."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from onrecord.chassis.settings import (
    BusSettings,
    GrpcSettings,
    Names,
    TokenSettings,
    setting,
)


class AuditSettings(GrpcSettings, TokenSettings, BusSettings):
    """Audit: evaluates policy and appends to the ledger in one step."""

    model_config = SettingsConfigDict(env_prefix="ONRECORD_AUDIT_")

    database_url: SecretStr = setting(
        names=Names.DATABASE,
        says="The database `ledger`, as an SQLAlchemy URL; it may hold a password.",
    )
    ledger_objects: Path = setting(
        names=Names.STORE,
        says="The object store (a folder) of the public log: checkpoint, tiles, entry bundles.",
    )
    ledger_signing_key: Path = setting(
        names=Names.FILE,
        says="The checkpoint key (C2SP note key, Ed25519), a file. Its name is the ledger's "
        "origin, `<deployment host>/onrecord`.",
    )
    reconcile_seconds: float = setting(
        10.0,
        unit="seconds",
        gt=0,
        le=60,
        says="How often grants are looked through for those that reached no end (R-23).",
    )
