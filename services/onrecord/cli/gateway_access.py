"""How a command reaches a gateway: its address, and a token that lasts as long as the work."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import click

from onrecord.kernel.vocabulary import Role

_F = TypeVar("_F", bound=Callable[..., Any])
_RENEW_BEFORE = timedelta(minutes=4)
_LIFETIME = timedelta(minutes=14)


@dataclass(frozen=True, slots=True)
class Access:
    """What the options said. `data` is a data folder whose development issuer renews tokens."""

    url: str | None
    token: str | None = field(repr=False)
    data: Path
    person: str
    agency: str | None

    def address(self) -> str:
        """Raises a usage error where nobody said it and no `onrecord up` runs on the folder."""
        if self.url:
            return self.url
        from onrecord.standalone.folder import DataFolder

        said = DataFolder(self.data).address
        if not said.is_file():
            raise click.UsageError(
                f"name the gateway with --url; nothing runs on the data folder {self.data}"
            )
        return said.read_text("utf-8").strip()

    def tokens(self, role: Role, gallery: str | None) -> "str | Callable[[], str]":
        """The token that was given, or one from the folder's issuer whenever the last runs out."""
        if self.token:
            return self.token
        from onrecord.chassis.development_issuer import DevelopmentIssuer
        from onrecord.standalone.folder import DataFolder

        folder = DataFolder(self.data)
        if not folder.identity.is_dir():
            raise click.UsageError(
                f"give --token, or name with --data the folder of a running `onrecord up`; "
                f"{self.data} is none"
            )
        issuer = DevelopmentIssuer.open(folder.identity)
        state = (gallery or "us").removeprefix("US-").lower()
        agency = self.agency or f"us-{state}-licensing"
        today = datetime.now(UTC).date()

        def issue(now: datetime) -> str:
            return issuer.issue(
                person=self.person,
                agency=agency,
                roles=[role],
                gallery=gallery,
                training_completed=_a_while_ago(today),
                lifetime=_LIFETIME,
                now=now,
            )

        return RenewedToken(issue, lambda: datetime.now(UTC))


class RenewedToken:
    """Gives a token that is valid for some minutes yet. May be asked from many threads."""

    def __init__(self, issue: Callable[[datetime], str], now: Callable[[], datetime]) -> None:
        self._issue = issue
        self._now = now
        self._lock = Lock()
        self._held: tuple[str, datetime] | None = None

    def __call__(self) -> str:
        with self._lock:
            now = self._now()
            if self._held is None or now >= self._held[1]:
                self._held = (self._issue(now), now + _LIFETIME - _RENEW_BEFORE)
            return self._held[0]


def access_options(command: _F) -> _F:
    """`--url`, `--token`, `--data`, `--person`, `--agency`, given to the command as `access`."""

    def gathered(
        *args: Any,
        url: str | None,
        token: str | None,
        data: Path,
        person: str,
        agency: str | None,
        **others: Any,
    ) -> Any:
        return command(*args, access=Access(url, token, data, person, agency), **others)

    gathered.__name__, gathered.__doc__ = command.__name__, command.__doc__
    gathered.__dict__.update(command.__dict__)
    wrapped: Any = gathered
    for option in (
        click.option("--agency", help="With --data: its agency. Default: the state's."),
        click.option(
            "--person", default="p-custodian", show_default=True, help="With --data: whose token."
        ),
        click.option(
            "--data",
            type=click.Path(path_type=Path, file_okay=False),
            default=Path("onrecord-data"),
            show_default=True,
            help="The data folder of `onrecord up`: its address, and tokens as they are needed.",
        ),
        click.option(
            "--token", envvar="ONRECORD_TOKEN", help="Your own token; it lives for 15 minutes."
        ),
        click.option(
            "--url", envvar="ONRECORD_URL", help="The gateway, such as http://127.0.0.1:8420."
        ),
    ):
        wrapped = option(wrapped)
    result: _F = wrapped
    return result


def _a_while_ago(today: date) -> date:
    return today - timedelta(days=30)
