"""Which services keep a database, and what its schema is; imported when it is asked for."""

import importlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import SecretStr

from onrecord.kernel.vocabulary import Service

if TYPE_CHECKING:
    from onrecord.chassis.database.history import History


class Kept(NamedTuple):
    """Where a service's history stands, and in which setting the URL of its database."""

    module: str
    attribute: str
    setting: str

    def history(self) -> "History":
        found: History = getattr(importlib.import_module(self.module), self.attribute)
        return found

    def url(self, settings: Any) -> str:
        """It may hold a password."""
        url: SecretStr = getattr(settings, self.setting)
        return url.get_secret_value()


DATABASES: Final = {
    Service.AUDIT: Kept("onrecord.audit.adapters.schema", "LEDGER", "database_url"),
    Service.GATEWAY: Kept("onrecord.gateway.store.history", "CASEWORK", "database_url"),
    Service.VECTOR_SEARCH: Kept("onrecord.vector_search.roster.schema", "ROSTER", "roster_url"),
}
