"""The life of a search as a state machine (`CONTRACTS.md`, "States")."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import GalleryStatus, SearchStatus

_S = SearchStatus

TRANSITIONS: dict[SearchStatus, frozenset[SearchStatus]] = {
    _S.REFUSED: frozenset(),
    _S.PROCESSING: frozenset({_S.REFUSED_QUALITY, _S.FAILED, _S.EXPIRED, _S.SEALED}),
    _S.REFUSED_QUALITY: frozenset(),
    _S.FAILED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.SEALED: frozenset({_S.EXAMINING}),
    _S.EXAMINING: frozenset({_S.NO_LEAD, _S.AWAITING_WITNESS, _S.RELEASED}),
    _S.NO_LEAD: frozenset(),
    _S.AWAITING_WITNESS: frozenset({_S.RELEASED}),
    _S.RELEASED: frozenset({_S.CLOSED}),
    _S.CLOSED: frozenset(),
}

KEEPS_PROBE = frozenset({_S.SEALED, _S.EXAMINING, _S.AWAITING_WITNESS, _S.RELEASED, _S.CLOSED})
"""States in which probe and candidates exist; in any other they do not, or no longer (R-29)."""


def check_transition(before: SearchStatus, after: SearchStatus) -> None:
    """Raises SEARCH_STATE where the machine has no such arrow."""
    if after not in TRANSITIONS[before]:
        raise OnRecordError(
            ErrorCode.SEARCH_STATE, f"a search that is {before} does not become {after}"
        )


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, with a stable code and words for a person."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class GalleryState:
    """One gallery within a search (law 8).

    `ended` is False for a granted gallery that has no end yet; it is then shown as unavailable
    and retryable. `receipt_sha256` is the hash of the plane's statement, `receipt_sequence` its
    number in the gallery; `receipt_index` is its entry in the ledger, where the bus brings it a
    moment later: None until this gateway has heard of it. `asked`: its plane was asked and has not
    said how it ended, so it may have been searched: only its receipt or its expiry tells.
    """

    gallery: str
    status: GalleryStatus
    ended: bool
    policy: str | None = None
    model_id: str | None = None
    list_size: int = 0
    reasons: tuple[Reason, ...] = ()
    retryable: bool = False
    receipt_sequence: int | None = None
    receipt_sha256: str | None = None
    receipt_index: int | None = None
    asked: bool = False

    @property
    def granted(self) -> bool:
        return self.status is not GalleryStatus.REFUSED


def refused(gallery: str, policy: str | None, reasons: Sequence[tuple[str, str]]) -> GalleryState:
    """A gallery whose policy said no."""
    said = tuple(Reason(code, message) for code, message in reasons)
    return GalleryState(gallery, GalleryStatus.REFUSED, True, policy=policy, reasons=said)


def granted(gallery: str, policy: str | None, model_id: str | None, size: int) -> GalleryState:
    """A gallery that may be searched and has not been."""
    return GalleryState(
        gallery,
        GalleryStatus.UNAVAILABLE,
        False,
        policy=policy,
        model_id=model_id,
        list_size=size,
        retryable=True,
    )


def searched(state: GalleryState, sequence: int, receipt_sha256: str) -> GalleryState:
    """The plane has looked, and says so in a receipt that is on its way to the ledger."""
    return replace(
        state,
        status=GalleryStatus.SEARCHED,
        ended=True,
        reasons=(),
        retryable=False,
        asked=False,
        receipt_sequence=sequence,
        receipt_sha256=receipt_sha256,
    )


def logged(state: GalleryState, index: int) -> GalleryState:
    """Its receipt stands in the ledger."""
    return replace(state, receipt_index=index)


def awaits_entry(state: GalleryState) -> bool:
    """Searched, and the entry of its receipt is not known here yet."""
    return state.status is GalleryStatus.SEARCHED and state.receipt_index is None


def overtaken(state: GalleryState, kind: str, index: int) -> GalleryState:
    """Searched, but the ledger had written another end before it heard of it, and that one stands.

    The plane's receipt, when it comes, is an alarm there (law 3). What it found is examined by
    nobody: the list that everybody derives from the ledger does not have it.
    """
    reason = Reason(
        ErrorCode.GRANT_EXPIRED.value,
        f"it was searched, but the ledger had ended it before it heard so: {kind}, entry {index}",
    )
    return replace(
        state, status=GalleryStatus.EXPIRED, ended=True, reasons=(reason,), retryable=False
    )


def unreached(state: GalleryState, reason: Reason) -> GalleryState:
    """Not searched this time; a repeat within the grant tries again."""
    return replace(state, reasons=(reason,))


def unanswered(state: GalleryState, reason: Reason) -> GalleryState:
    """Asked, and nobody knows whether it was searched; a repeat gets the answer that was lost."""
    return replace(state, reasons=(reason,), asked=True)


def answer_dropped(state: GalleryState) -> GalleryState:
    """Searched, and its answer not kept since another gallery is in doubt; a repeat asks again."""
    return replace(state, asked=True)


def in_doubt(state: GalleryState) -> bool:
    """Whether its receipt may yet come, although nobody here has its answer."""
    return state.asked and not state.ended


def given_up(state: GalleryState, reason: Reason, *, retryable: bool) -> GalleryState:
    """Ended unsearched. `retryable`: another search may well reach it."""
    return replace(
        state,
        status=GalleryStatus.UNAVAILABLE,
        ended=True,
        reasons=(reason,),
        retryable=retryable,
    )


def expired(state: GalleryState) -> GalleryState:
    """The grant ran out before this gallery was searched."""
    reason = Reason(ErrorCode.GRANT_EXPIRED.value, "the grant expired before it was searched")
    return replace(
        state, status=GalleryStatus.EXPIRED, ended=True, reasons=(reason,), retryable=False
    )


def status_when_unsealed(galleries: Sequence[GalleryState]) -> SearchStatus:
    """What a search is whose granted galleries have all ended and none was searched."""
    ends = {state.status for state in galleries if state.granted}
    return SearchStatus.EXPIRED if GalleryStatus.EXPIRED in ends else SearchStatus.FAILED
