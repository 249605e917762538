"""Settings of services that keep a database."""

from onrecord.chassis.database import DatabaseLimits
from onrecord.chassis.settings.bases import ProcessSettings
from onrecord.chassis.settings.fields import setting


class DatabaseSettings(ProcessSettings):
    """A service that keeps a database. What these say is for PostgreSQL."""

    database_connections: int = setting(
        10,
        unit="connections",
        ge=3,
        le=200,
        says="Connections of this process at most; all processes together stay below the server's "
        "`max_connections`.",
    )
    database_wait_seconds: float = setting(
        5.0,
        unit="seconds",
        gt=0,
        le=60,
        says="How long a call waits for a free connection, and for a row that another writer "
        "holds, before it is answered `database_unavailable` (503).",
    )
    database_connect_seconds: float = setting(
        5.0,
        unit="seconds",
        ge=2,
        le=60,
        says="How long a server may take to accept a connection before it counts as away.",
    )
    database_statement_seconds: float = setting(
        20.0,
        unit="seconds",
        gt=0,
        le=600,
        says="After which the server gives up a statement.",
    )

    @property
    def database_limits(self) -> DatabaseLimits:
        """The four settings above together."""
        return DatabaseLimits(
            connections=self.database_connections,
            wait_seconds=self.database_wait_seconds,
            connect_seconds=self.database_connect_seconds,
            statement_seconds=self.database_statement_seconds,
        )
