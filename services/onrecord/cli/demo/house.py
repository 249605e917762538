"""Where the demo takes place: an installation of its own, or one that runs already."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.cli.demo.server import running_server
from onrecord.client.results import Body
from onrecord.contracts.vector_search import Plane
from onrecord.kernel.vocabulary import Role
from onrecord.standalone.app import StandaloneSettings, standalone
from onrecord.standalone.folder import DataFolder


class TokenIssuer(Protocol):
    """Whoever gives people their tokens."""

    def issue(
        self,
        *,
        person: str,
        agency: str,
        roles: tuple[Role, ...],
        now: datetime,
        training_completed: date | None = None,
        gallery: str | None = None,
    ) -> str: ...


class House(Protocol):
    """An installation, and what somebody with every right on its machines can do."""

    @property
    def how(self) -> str:
        """How it is started: "starting OnRecord in one process"."""
        ...

    @property
    def over(self) -> str:
        """The title of what follows the story: "The system is switched off"."""
        ...

    @property
    def intrusion(self) -> str:
        """How somebody with root would get past the gateway, as a sentence."""
        ...

    @property
    def keys(self) -> DataFolder:
        """Where its keys and certificates are."""
        ...

    @property
    def issuer(self) -> TokenIssuer:
        """Whoever gives people their tokens; once it is open."""
        ...

    def opened(self) -> AbstractContextManager[str]:
        """It runs; its base address."""
        ...

    def public_ledger(self, size: int, target: Path) -> Sequence[Body]:
        """Copy the public ledger, of `size` entries or more, into the new folder `target`; the
        bodies of those that came after the first `size`. Once `opened` is left.
        """
        ...

    def broken_into(self, gallery: str) -> AbstractContextManager[Plane]:
        """The plane of a gallery, as somebody with root gets at it. Once `opened` is left."""
        ...


@dataclass(frozen=True, slots=True)
class OwnHouse:
    """Started for the demo, on a folder of its own. `apart`: each service as a process."""

    data: Path
    models: Path
    log: Path
    apart: bool = False

    @property
    def how(self) -> str:
        return f"starting OnRecord in {'five processes' if self.apart else 'one process'}"

    @property
    def over(self) -> str:
        return "The system is switched off"

    @property
    def intrusion(self) -> str:
        return "calls the plane's own code on its own data"

    @property
    def keys(self) -> DataFolder:
        return DataFolder(self.data)

    @property
    def issuer(self) -> TokenIssuer:
        return DevelopmentIssuer.open(self.keys.identity)

    @contextmanager
    def opened(self) -> Iterator[str]:
        with running_server(self.data, self.models, self.log, apart=self.apart) as address:
            yield address

    def public_ledger(self, size: int, target: Path) -> Sequence[Body]:
        """Publishing follows a commit by a moment, and a stop has waited for it."""
        del size
        shutil.copytree(self.keys.ledger_objects, target)
        return ()

    @contextmanager
    def broken_into(self, gallery: str) -> Iterator[Plane]:
        del gallery
        with standalone(StandaloneSettings(self.data, self.models)) as running:
            yield running.plane
