"""What an audit process is told (`ONRECORD_AUDIT_*`)."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from onrecord.audit.core.witnessing import WitnessAddress, Witnessing
from onrecord.chassis.settings import (
    BusSettings,
    GrpcSettings,
    Names,
    ObjectsSettings,
    TokenSettings,
    setting,
)
from onrecord.chassis.settings.databases import DatabaseSettings


def _witnesses(value: Any) -> Any:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueError("a list of witnesses, each a verifier key, a space and an address")
    return tuple(
        one if isinstance(one, WitnessAddress) else WitnessAddress.parse(str(one))
        for one in parts
        if isinstance(one, WitnessAddress) or str(one).strip()
    )


WitnessList = Annotated[tuple[WitnessAddress, ...], NoDecode, BeforeValidator(_witnesses)]


class AuditSettings(DatabaseSettings, GrpcSettings, TokenSettings, BusSettings, ObjectsSettings):
    """Audit: evaluates policy and appends to the ledger in one step."""

    model_config = SettingsConfigDict(env_prefix="ONRECORD_AUDIT_")

    database_url: SecretStr = setting(
        names=Names.DATABASE,
        says="The database `ledger`, as an SQLAlchemy URL; it may hold a password.",
    )
    ledger_objects: str = setting(
        names=Names.STORE,
        says="The public log (checkpoint, tiles, entry bundles): a folder, or s3://bucket/prefix.",
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
    fan_out_galleries: int = setting(
        30,
        unit="galleries",
        ge=1,
        says="An alarm tells of a person whose requests of a UTC day name more galleries (R-9).",
    )
    fan_out_cases: int = setting(
        20,
        unit="cases",
        ge=1,
        says="An alarm tells of a person whose requests of a UTC day name more cases (R-9).",
    )
    witnesses: WitnessList = setting(
        (),
        says="Who is asked to cosign each checkpoint, each `VERIFIER-KEY URL` (C2SP tlog-witness, "
        "submission prefix). A witness named here can stop the ledger: that is what it is for.",
    )
    witness_quorum: int = setting(
        1,
        unit="witnesses",
        ge=1,
        le=64,
        says="How many of them must have cosigned before what a checkpoint covers is no more "
        "called UNWITNESSED.",
    )
    witness_wait_seconds: float = setting(
        2.0,
        unit="seconds",
        ge=0,
        le=60,
        says="How long the publication of a checkpoint waits for them; no request ever does. Also "
        "how long a start waits to hear whether they have seen more than the database has.",
    )
    witness_call_seconds: float = setting(
        10.0, unit="seconds", gt=0, le=60, says="The deadline of one submission to a witness."
    )

    @model_validator(mode="after")
    def _quorum_can_be_met(self) -> Self:
        _ = self.witnessing
        return self

    @property
    def witnessing(self) -> Witnessing:
        """The four settings above together. `ValueError` where they do not fit."""
        return Witnessing(
            self.witnesses,
            self.witness_quorum if self.witnesses else 0,
            self.witness_wait_seconds,
            self.witness_call_seconds,
        )
