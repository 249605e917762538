"""Bodies held against the leaves they belong to, and the laws over them."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from onrecord.kernel.errors import OnRecordError
from onrecord.proof.checks import BodyCheck, LedgerFault
from onrecord.proof.entry import leaf, parse_body

BODIES = "every body is the one its leaf commits to"

Bodies = Iterable[tuple[int, bytes, bytes]]
"""Index, nonce and body, by rising index."""


class BodyReader:
    """Bodies beside the leaves they belong to, both read once from the first to the last."""

    def __init__(self, bodies: Bodies, laws: Sequence[BodyCheck], all_bodies: bool) -> None:
        self.seen = 0
        self._bodies = iter(bodies)
        self._laws = laws
        self._all = all_bodies
        self._next = next(self._bodies, None)

    def meet(self, index: int, data: bytes) -> None:
        """The leaf of entry `index`, in order. Raises `LedgerFault`."""
        if self._next is None or self._next[0] > index:
            if self._all:
                raise LedgerFault(BODIES, index, "its body is missing")
            return
        at, nonce, body = self._next
        if at < index:
            raise LedgerFault(BODIES, at, "its body stands twice or out of order")
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
        for law in self._laws:
            uphold(law, index, partial(law.see, index, parsed))
        self.seen += 1
        self._next = next(self._bodies, None)

    def finish(self) -> None:
        """All leaves have been met."""
        if self._next is not None:
            raise LedgerFault(BODIES, self._next[0], "a body for an entry that is not there")


def uphold(law: BodyCheck, index: int | None, act: Callable[[], None]) -> None:
    """A body that a law cannot even read breaks it: what was logged may be anything."""
    try:
        act()
    except LedgerFault:
        raise
    except OnRecordError as error:
        raise LedgerFault(law.name, index, error.message) from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        message = "a field is missing or is not what its kind needs"
        raise LedgerFault(law.name, index, message) from error
