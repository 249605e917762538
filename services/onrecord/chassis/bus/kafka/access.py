"""Where Kafka is, and how it is spoken to."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from onrecord.kernel.errors import ErrorCode, OnRecordError

SCHEME: Final = "kafka://"
MECHANISMS: Final = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")


@dataclass(frozen=True, slots=True)
class KafkaTls:
    """Files, PEM. `roots`: who signs the brokers' certificates; None: whom the system trusts.

    `certificate` and `key`: who we are, where the brokers ask for it; `key` None: it lies in the
    file of the certificate.
    """

    roots: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def options(self) -> dict[str, Any]:
        """Names are checked always. Raises SETTINGS_INVALID for a file that cannot be used.

        librdkafka reads the files by itself, and would say no more than that it has no client.
        """
        try:
            context = ssl.create_default_context(cafile=self.roots)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise OnRecordError(
                ErrorCode.SETTINGS_INVALID,
                f"the certificates for the bus cannot be used: {error.strerror or error}",
            ) from error
        files = {
            "ssl.ca.location": self.roots or "probe",
            "ssl.certificate.location": self.certificate,
            "ssl.key.location": None if self.certificate is None else self.key or self.certificate,
        }
        return {
            "enable.ssl.certificate.verification": True,
            "ssl.endpoint.identification.algorithm": "https",
            **{name: str(file) for name, file in files.items() if file is not None},
        }


@dataclass(frozen=True, slots=True)
class KafkaLogin:
    """SASL. PLAIN sends the password as it is: over TLS only."""

    user: str
    password: str = field(repr=False)
    mechanism: str = MECHANISMS[0]


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """`servers`: `host:port` of brokers, any of which names all others. `tls` None: plain text."""

    servers: tuple[str, ...]
    tls: KafkaTls | None = None
    login: KafkaLogin | None = None

    def options(self) -> dict[str, Any]:
        """As every client of librdkafka takes them. Raises SETTINGS_INVALID."""
        kind = "SASL_" if self.login else ""
        options: dict[str, Any] = {
            "bootstrap.servers": ",".join(self.servers),
            "security.protocol": f"{kind}{'PLAINTEXT' if self.tls is None else 'SSL'}",
        }
        if self.tls is not None:
            options |= self.tls.options()
        if self.login is not None:
            if self.login.mechanism == "PLAIN" and self.tls is None:
                raise OnRecordError(
                    ErrorCode.SETTINGS_INVALID,
                    "the mechanism PLAIN would send the password of the bus in plain text",
                )
            options |= {
                "sasl.mechanism": self.login.mechanism,
                "sasl.username": self.login.user,
                "sasl.password": self.login.password,
            }
        return options


def kafka_servers(place: str) -> tuple[str, ...]:
    """The brokers in `kafka://host:port[,host:port]`. Raises ValueError."""
    servers = tuple(place.removeprefix(SCHEME).rstrip("/").split(","))
    for server in servers:
        host, _, port = server.rpartition(":")
        if not (place.startswith(SCHEME) and host and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError("not kafka://host:port, or several of them by commas")
        if "@" in host:
            raise ValueError("a name and a password have settings of their own")
    return servers
