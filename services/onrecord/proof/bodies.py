"""Bodies held against the leaves they belong to, and the laws over them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from onrecord.kernel.errors import OnRecordError
from onrecord.proof.checks import BodyCheck, LedgerFault
from onrecord.proof.entry import leaf, parse_body

BODIES = "every body is the one its leaf commits to"

Row: TypeAlias = tuple[int, bytes, bytes]
"""Index, nonce and body."""

Bodies = Iterable[Row]
"""By rising index."""


class BodyReader:
    """Bodies in the order of their entries, read once from the first to the last."""

    def __init__(self, bodies: Bodies, all_bodies: bool) -> None:
        self._bodies: Iterator[Row] = iter(bodies)
        self._all = all_bodies
        self._next: Row | None = None
        self._begun = False

    def take(self, first: int, count: int) -> tuple[tuple[Row, ...], LedgerFault | None]:
        """The bodies of the next `count` entries, and what is false behind the last of them.

        Spans are taken in order. The fault is given, not raised: whatever is false before it comes
        first. After one, nothing more is to be taken.
        """
        rows: list[Row] = []
        try:
            self._begin()
            for index in range(first, first + count):
                row = self._next
                if row is None or row[0] > index:
                    if self._all:
                        raise LedgerFault(BODIES, index, "its body is missing")
                    if row is None or row[0] >= first + count:
                        break
                    continue
                if row[0] < index:
                    raise LedgerFault(BODIES, row[0], "its body stands twice or out of order")
                rows.append(row)
                self._next = next(self._bodies, None)
        except LedgerFault as fault:
            return tuple(rows), fault
        return tuple(rows), None

    def finish(self) -> None:
        """Everything has been taken. Raises `LedgerFault` where a body is left."""
        self._begin()
        if self._next is not None:
            raise LedgerFault(BODIES, self._next[0], "a body for an entry that is not there")

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._next = next(self._bodies, None)


def check_body(index: int, data: bytes, nonce: bytes, body: bytes) -> dict[str, Any]:
    """The body of the entry whose leaf is `data`, parsed. Raises `LedgerFault`."""
    try:
        expected = leaf(nonce, body)
    except ValueError as error:
        raise LedgerFault(BODIES, index, str(error)) from error
    if expected != data:
        raise LedgerFault(BODIES, index, "the leaf commits to another body or nonce")
    try:
        parsed, _, _ = parse_body(body)
    except OnRecordError as error:
        raise LedgerFault(BODIES, index, error.message) from error
    return parsed


def tell(laws: Sequence[BodyCheck], index: int, body: dict[str, Any]) -> None:
    """Tell every law of a body. Raises `LedgerFault`."""
    for law in laws:
        try:
            law.see(index, body)
        except Exception as error:
            raise _broken(law, index, error) from error


def uphold(law: BodyCheck, act: Callable[[], None]) -> None:
    """Do something that a law asks for. Raises `LedgerFault`."""
    try:
        act()
    except Exception as error:
        raise _broken(law, None, error) from error


def _broken(law: BodyCheck, index: int | None, error: Exception) -> Exception:
    """A body that a law cannot even read breaks it: what was logged may be anything."""
    if isinstance(error, LedgerFault):
        return error
    if isinstance(error, OnRecordError):
        return LedgerFault(law.name, index, error.message)
    if isinstance(error, LookupError | TypeError | ValueError | AttributeError):
        return LedgerFault(law.name, index, "a field is missing or is not what its kind needs")
    return error
