"""The words of a verification: checks that held, the first thing that is false, body checks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import EntryKind


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was checked and holds: a statement, and how often it was found true."""

    name: str
    passed: int


class LedgerFault(OnRecordError):  # noqa: N818 - a fault in a ledger, not in a program
    """The first false thing: which check it broke, at which entry (None where at no one entry)."""

    def __init__(self, check: str, index: int | None, message: str) -> None:
        where = "" if index is None else f"entry {index}: "
        super().__init__(ErrorCode.LEDGER_INCONSISTENT, f"{check}: {where}{message}")
        self.check = check
        self.index = index
        self.reason = message

    def __reduce__(self) -> tuple[type["LedgerFault"], tuple[str, int | None, str]]:
        """So that it can be raised by another process than the one that found it."""
        return LedgerFault, (self.check, self.index, self.reason)


class BodyCheck(Protocol):
    """A law over the bodies of the ledger, told every body once, in order.

    A check keeps state, so each verification gets fresh ones. `see` and `finish` raise
    `LedgerFault`.
    """

    @property
    def name(self) -> str:
        """The law as a statement, such as "no entry is earlier than the one before"."""
        ...

    @property
    def passed(self) -> int:
        """How often it was found true so far."""
        ...

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        """The body of entry `index`; it matches its leaf and has a kind and a time."""
        ...

    def finish(self) -> None:
        """All bodies have been seen."""
        ...


BodyCheckFactory = Callable[[], BodyCheck]


class KindsKnown:
    """Every entry is of a kind that `CONTRACTS.md` names."""

    name = "every entry is of a known kind"

    def __init__(self) -> None:
        self.passed = 0
        self._kinds = frozenset(kind.value for kind in EntryKind)

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        if body["kind"] not in self._kinds:
            raise LedgerFault(self.name, index, f"the kind {str(body['kind'])[:60]!r} is unknown")
        self.passed += 1

    def finish(self) -> None:
        """Nothing is left open."""


class TimesMonotone:
    """Entry time is the later of the clock and the last entry, so it never falls."""

    name = "no entry is earlier than the one before"

    def __init__(self) -> None:
        self.passed = 0
        self._last = ""

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        time = str(body["time"])
        # One fixed-width form in UTC: the order of the texts is the order of the instants.
        if time < self._last:
            raise LedgerFault(self.name, index, f"{time} after {self._last}")
        self._last = time
        self.passed += 1

    def finish(self) -> None:
        """Nothing is left open."""


def base_checks() -> tuple[BodyCheckFactory, ...]:
    """The checks that need nothing but the bodies one by one."""
    return (KindsKnown, TimesMonotone)
