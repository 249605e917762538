"""Settings that services share. Each service's own class puts together what it needs."""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from onrecord.chassis.bus.kafka.access import (
    MECHANISMS,
    KafkaAccess,
    KafkaLogin,
    KafkaTls,
    kafka_servers,
)
from onrecord.chassis.objects import ObjectAccess, ObjectStore, open_objects
from onrecord.chassis.settings.fields import Names, setting
from onrecord.chassis.throttle import GIVE_WAY_SECONDS, LINGER_SECONDS, Foreground, throttle


class ProcessSettings(BaseSettings):
    """What every process is told."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        hide_input_in_errors=True,
        case_sensitive=False,
    )

    certificate: Path = setting(
        names=Names.FILE,
        says="This service's certificate, PEM: the leaf first, then what signed it.",
    )
    certificate_key: Path = setting(
        names=Names.FILE, says="Its private key, PEM (ECDSA P-256, no passphrase)."
    )
    roots: Path = setting(
        names=Names.FILE, says="The root certificates every service is believed by, PEM."
    )
    health_address: str = setting(
        "127.0.0.1:8081",
        says="Where /healthz, /readyz and /metrics answer, host:port; port 0 takes a free one. "
        "The gateway answers them at its own address too.",
    )
    stop_seconds: float = setting(
        20.0,
        unit="seconds",
        ge=0,
        le=600,
        says="How long accepted work may take to finish when stopping.",
    )
    unready_seconds: float = setting(
        0.0,
        unit="seconds",
        ge=0,
        le=120,
        says="How long it goes on taking calls after it said it is not ready, so that whoever "
        "sends them notices.",
    )
    log_level: str = setting(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", says="The least that is logged."
    )
    log_form: str = setting(
        "text",
        pattern="^(text|json)$",
        says="How it is logged: `text` for people, `json` (an object a line) for collectors.",
    )
    otlp_endpoint: str = setting(
        "",
        pattern="^(https?://.+)?$",
        says="Where spans are sent: an OTLP collector (gRPC), http(s)://host:4317. Empty: nowhere.",
    )
    trace_sample: float = setting(
        1.0,
        unit="of 1",
        ge=0,
        le=1,
        says="The share of the traces that begin here which are sent.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file (which arrives as arguments); nothing else."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @field_validator(
        "health_address", "address", "audit", "detection", "embedding", check_fields=False
    )
    @classmethod
    def _is_address(cls, value: str) -> str:
        return _address(value)


class GrpcSettings(ProcessSettings):
    """A service that is called over gRPC."""

    address: str = setting(
        "127.0.0.1:8443",
        says="Where it is called (gRPC, mutual TLS), host:port; port 0 takes a free one.",
    )
    threads: int = setting(
        16,
        unit="calls",
        ge=1,
        le=512,
        says="Calls at work at once; one more is refused with a time to try again.",
    )
    connection_age_seconds: float = setting(
        300.0,
        unit="seconds",
        ge=1,
        le=86400,
        says="After which a connection is given up once its calls have ended (a tenth sooner or "
        "later), so that callers ask again who there is and a new replica gets its share.",
    )


class VerifyingSettings(ProcessSettings):
    """A service that checks what the ledger says."""

    ledger_key: Path = setting(
        names=Names.FILE, says="The ledger's verifier key (C2SP note key), a file."
    )


class InferenceSettings(ProcessSettings):
    """A service that runs models."""

    models: Path = setting(
        Path("model_repository"),
        names=Names.FOLDER,
        says="The model repository (`onrecord models build SET`).",
    )
    inference_threads: int = setting(
        1,
        unit="threads",
        ge=1,
        le=64,
        says="Threads a model may use for one call, where it runs in this process.",
    )
    inference: str = setting(
        "",
        pattern=r"^(triton://[^/@\s]+:\d{1,5})?$",
        says="What runs the models: empty, ONNX Runtime in this process; triton://host:port, a "
        "Triton Inference Server (gRPC) that serves the same model repository.",
    )
    inference_roots: Path | None = setting(
        None,
        names=Names.FILE,
        says="The roots of Triton's certificate (PEM), a file; without it Triton is called in "
        "plain text.",
    )
    inference_certificate: Path | None = setting(
        None, names=Names.FILE, says="Our certificate for Triton (PEM), where it asks for one."
    )
    inference_key: Path | None = setting(
        None, names=Names.FILE, says="That certificate's private key (PEM), a file."
    )


class BusSettings(ProcessSettings):
    """A service that publishes or consumes."""

    bus: str = setting(
        names=Names.STORE,
        says="The bus: a folder (SQLite: enrolment and receipts apart), or brokers of Kafka, "
        "kafka://host:port[,host:port].",
    )
    bus_roots: Path | None = setting(
        None,
        names=Names.FILE,
        says="The roots of the brokers' certificates (PEM), a file; without it Kafka is spoken to "
        "in plain text.",
    )
    bus_certificate: Path | None = setting(
        None,
        names=Names.FILE,
        says="Our certificate for the brokers (PEM), where they ask for one.",
    )
    bus_key: Path | None = setting(
        None, names=Names.FILE, says="That certificate's private key (PEM), a file."
    )
    bus_user: str = setting(
        "", says="The name we log in to the brokers with (SASL); empty: we do not log in."
    )
    bus_password: SecretStr = setting(SecretStr(""), says="The password to it.")
    bus_mechanism: str = setting(
        MECHANISMS[0],
        pattern=f"^({'|'.join(MECHANISMS)})$",
        says="How we log in; PLAIN over TLS only.",
    )

    @field_validator("bus")
    @classmethod
    def _is_bus(cls, value: str) -> str:
        if "://" in value:
            kafka_servers(value)
        return value

    def bus_at(self) -> Path | KafkaAccess:
        """Where the bus is, as `events.topics.open_bus` takes it. Raises SETTINGS_INVALID."""
        if "://" not in self.bus:
            return Path(self.bus)
        return KafkaAccess(
            kafka_servers(self.bus),
            KafkaTls(self.bus_roots, self.bus_certificate, self.bus_key)
            if self.bus_roots
            else None,
            KafkaLogin(self.bus_user, self.bus_password.get_secret_value(), self.bus_mechanism)
            if self.bus_user
            else None,
        )


class ObjectsSettings(ProcessSettings):
    """A service that keeps objects. What these say is for places that are no folders."""

    objects_endpoint: str = setting(
        "", pattern="^(https?://.+)?$", says="The S3 endpoint; empty for AWS's own."
    )
    objects_region: str = setting("us-east-1", says="The region of the buckets.")
    objects_access_key: SecretStr = setting(
        SecretStr(""),
        says="The S3 access key; empty: the credentials that the platform gives the process "
        "(environment, web identity, instance).",
    )
    objects_secret_key: SecretStr = setting(SecretStr(""), says="The S3 secret key.")
    objects_seconds: float = setting(
        10.0, unit="seconds", gt=0, le=60, says="How long one request to the object store may take."
    )

    def store(self, place: str) -> ObjectStore:
        """The object store at `place`. Raises SETTINGS_INVALID."""
        access = ObjectAccess(
            self.objects_endpoint,
            self.objects_region,
            self.objects_access_key.get_secret_value(),
            self.objects_secret_key.get_secret_value(),
            self.objects_seconds,
        )
        return open_objects(place, access)


class ThrottleSettings(ProcessSettings):
    """A service that works on enrolments beside the calls that somebody waits for."""

    throttle_seconds: float = setting(
        GIVE_WAY_SECONDS,
        unit="seconds",
        ge=0,
        le=60,
        says="How long work on enrolments gives way, at most and before each piece of it, to "
        "searches that this process is at work on; 0 switches the throttle off.",
    )
    throttle_linger_seconds: float = setting(
        LINGER_SECONDS,
        unit="seconds",
        ge=0,
        le=60,
        says="For how long after such a search it gives way still, as the other services are at "
        "work on it; never for longer in all than `throttle_seconds`.",
    )

    def throttled(self) -> Foreground:
        """What work on enrolments gives way to."""
        return throttle(self.throttle_seconds, self.throttle_linger_seconds)


class TokenSettings(ProcessSettings):
    """A service that verifies people's tokens."""

    token_issuer: str = setting(says="The `iss` that tokens must carry.")
    token_audience: str = setting("onrecord", says="The `aud` that tokens must carry.")
    token_keys: str = setting(
        names=Names.FILE,
        says="The identity provider's public keys (JWKS): a file, read again when it changes; "
        "an https address, asked again every five minutes and for a key that is new; or "
        "`discover`: the provider `token_issuer` says where they are (OpenID Connect).",
    )
    token_keys_roots: Path | None = setting(
        None,
        says="Authorities that the provider's own TLS is believed by, PEM; by default the "
        "system's.",
    )


class PlaneAddress(NamedTuple):
    """A plane by its operator's name for it, and where it is called."""

    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name}={self.address}"


def _planes(value: Any) -> Any:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueError("a list of name=host:port")
    planes = []
    for part in parts:
        name, equals, address = str(part).strip().partition("=")
        if not (name and equals):
            raise ValueError(f"{str(part)[:60]!r} is not name=host:port")
        planes.append(PlaneAddress(name, _address(address)))
    if len({one.name for one in planes}) != len(planes):
        raise ValueError("two planes have one name")
    return tuple(planes)


class PlanesSettings(ProcessSettings):
    """A service that calls planes."""

    planes: Annotated[tuple[PlaneAddress, ...], NoDecode, BeforeValidator(_planes)] = setting(
        min_length=1, says="The planes, each name=host:port."
    )
    maintenance_seconds: float = setting(
        300.0,
        unit="seconds",
        gt=0,
        le=3600,
        says="How often it lets go of what it keeps only for a time, such as transport keys.",
    )


def _address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not (host and colon and port.isdigit() and int(port) < 65536):
        raise ValueError("not host:port")
    return value
