"""What a gateway process is told (`ONRECORD_GATEWAY_*`)."""

from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BeforeValidator, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from onrecord.chassis.settings import (
    BusSettings,
    Names,
    ObjectsSettings,
    PlanesSettings,
    TokenSettings,
    setting,
)
from onrecord.chassis.settings.databases import DatabaseSettings


class Home(NamedTuple):
    """A gallery and the plane that it is made on."""

    gallery: str
    plane: str

    def __str__(self) -> str:
        return f"{self.gallery}={self.plane}"


def _homes(value: Any) -> Any:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueError("a list of gallery=plane")
    homes = [
        Home(*(text.strip() for text in str(part).split("=", 1)))
        for part in parts
        if "=" in str(part)
    ]
    if len(homes) != len(parts):
        raise ValueError("each must be gallery=plane")
    return tuple(homes)


Homes = Annotated[tuple[Home, ...], NoDecode, BeforeValidator(_homes)]


class GatewaySettings(
    DatabaseSettings, TokenSettings, BusSettings, ObjectsSettings, PlanesSettings
):
    """The gateway: the REST API, casework, and the way into a gallery."""

    model_config = SettingsConfigDict(env_prefix="ONRECORD_GATEWAY_")

    address: str = setting(
        "127.0.0.1:8420",
        says="Where the REST API answers (HTTP; TLS is the ingress's), host:port; port 0 takes a "
        "free one.",
    )
    audit: str = setting(says="Where audit is called, host:port.")
    detection: str = setting(says="Where detection is called, host:port.")
    embedding: str = setting(says="Where embedding is called, host:port.")
    homes: Homes = setting(
        (),
        says="Which plane a new gallery is made on, each gallery=plane; others on the first plane.",
    )
    database_url: SecretStr = setting(
        names=Names.DATABASE,
        says="The database `casework`, as an SQLAlchemy URL; it may hold a password.",
    )
    casework_key: Path = setting(names=Names.FILE, says="The casework key, a file of 32 bytes.")
    vault: str = setting(
        names=Names.STORE,
        says="Sealed portraits: a folder, or s3://bucket/prefix.",
    )
    ingest: str = setting(
        names=Names.STORE,
        says="Where sealed portraits wait to be worked on: a folder, or s3://bucket/prefix.",
    )
    ledger_objects: str = setting(
        names=Names.STORE,
        says="The public log, which it hands out: a folder, or s3://bucket/prefix.",
    )
    models: Path = setting(
        Path("model_repository"),
        names=Names.FOLDER,
        says="The model repository; only its cards are read.",
    )
    admission: int = setting(
        16,
        unit="calls",
        ge=1,
        le=512,
        says="Calls at work at once, beside searches and uploads; one more is shed with a 429. As "
        "many searches, or twice `searches` if that is more, may be on their way, from the first "
        "byte to the answer.",
    )
    searches: int = setting(
        0,
        unit="searches",
        ge=0,
        le=512,
        says="Searches at work at once; half as many wait for them in a line, and one more is shed "
        "with a 429 before its probe is read. 0: two for each processor of this process, at most "
        "16; gateways that share a machine must be told, since none knows of the others. Right is "
        "what the services behind it finish in the time that an investigator should wait at most, "
        "divided by the gateways: see docs/operations.md.",
    )
    search_wait_seconds: float = setting(
        1.0,
        unit="seconds",
        gt=0,
        le=10,
        says="How long a search may wait for its place, whose probe has been read.",
    )
    uploads: int = setting(
        8,
        unit="calls",
        ge=1,
        le=512,
        says="Uploads to galleries at work at once, besides; each may hold 32 MiB.",
    )
    fan_out: int = setting(
        16, unit="calls", ge=1, le=512, says="Galleries searched at once, over all searches."
    )
    image_bytes: int = setting(
        20_000_000, unit="bytes", ge=1024, le=20_000_000, says="The largest image taken."
    )
    upload_seconds: float = setting(
        60.0, unit="seconds", gt=0, le=600, says="How long a client may take to send a body."
    )
    search_seconds: float = setting(
        30.0, unit="seconds", gt=0, le=60, says="The deadline of a search."
    )
    call_seconds: float = setting(
        10.0, unit="seconds", gt=0, le=60, says="The deadline of every other call."
    )

    event_days: int = setting(
        30, unit="days", ge=1, le=3650, says="How long clients may read events (`/v1/events`)."
    )
    enrolment_days: int = setting(
        30,
        unit="days",
        ge=2,
        le=3650,
        says="How long the gateway itself knows how far an enrolment is, from when it last moved; "
        "after that its plane is asked. Longer than the bus keeps events of enrolments.",
    )

    @model_validator(mode="after")
    def _homes_are_planes(self) -> Self:
        known = {plane.name for plane in self.planes}
        for home in self.homes:
            if home.plane not in known:
                raise ValueError(f"homes: there is no plane {home.plane} among planes")
        return self
