"""What the gateway keeps of a search, sealed under a data key of its own.

The data key is wrapped under the casework key. Deleting the wrapped key, which the store does in
the step that closes a search without a lead, is deleting probe and candidates (R-29).
"""

from collections.abc import Sequence

from onrecord.chassis.sealing import SymmetricSeal
from onrecord.gateway.store import SealedCasework, Search, Task
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import GalleryStatus
from onrecord.proof import canonical
from onrecord.proof.casework import MergedCandidate, merge_named


class Custody:
    """Seals and opens, and keeps nothing in the clear."""

    def __init__(self, casework: SymmetricSeal) -> None:
        self._casework = casework

    def seal_search(
        self, search_id: str, probe: bytes, candidates: Sequence[MergedCandidate]
    ) -> SealedCasework:
        """Probe (encoded image) and all candidates of the receipts, under one fresh data key."""
        wrapped = self._casework.new_data_key(_about(search_id, "key"))
        listed = canonical.encode([_fields(candidate) for candidate in candidates])
        return SealedCasework(
            wrapped,
            self._seal(wrapped, search_id, "probe", probe),
            self._seal(wrapped, search_id, "candidates", listed),
        )

    def probe(self, search: Search) -> bytes:
        """Raises SEARCH_STATE when it is destroyed."""
        held = _held(search)
        return self._open(held.wrapped_key, search.search_id, "probe", held.probe)

    def candidates(self, search: Search) -> tuple[MergedCandidate, ...]:
        """The merged list, as everybody derives it from the ledger's entries.

        Without those of a gallery whose search the ledger had ended before it heard of it; others
        move up into their places. Raises SEARCH_STATE when they are destroyed.
        """
        searched = {one.gallery for one in search.galleries if one.status is GalleryStatus.SEARCHED}
        named = [one for one in self.named(search) if one.gallery in searched]
        return merge_named(named, search.list_size)

    def named(self, search: Search) -> tuple[MergedCandidate, ...]:
        """Everybody whom the receipts name. Raises SEARCH_STATE when they are destroyed."""
        held = _held(search)
        listed = canonical.decode(
            self._open(held.wrapped_key, search.search_id, "candidates", held.candidates)
        )
        if not isinstance(listed, list):
            raise TypeError("the sealed candidates are not a list")
        return tuple(_candidate(one) for one in listed)

    def seal_order(
        self, search_id: str, held: SealedCasework, task_id: str, order: Sequence[str]
    ) -> bytes:
        """The order in which one examiner sees candidates: of all that the receipts name, since
        the ledger has the last word on which of them are in the list.
        """
        what = f"order/{task_id}"
        return self._seal(held.wrapped_key, search_id, what, canonical.encode(list(order)))

    def order(self, search: Search, task: Task) -> tuple[str, ...]:
        """The candidate refs as this examiner sees them. Raises SEARCH_STATE."""
        wrapped = _held(search).wrapped_key
        if task.sealed_order is None:
            raise _gone()
        what = f"order/{task.task_id}"
        order = canonical.decode(self._open(wrapped, search.search_id, what, task.sealed_order))
        if not isinstance(order, list):
            raise TypeError("the sealed order is not a list")
        listed = {one.candidate_ref for one in self.candidates(search)}
        return tuple(str(reference) for reference in order if reference in listed)

    def _seal(self, wrapped: bytes, search_id: str, what: str, plaintext: bytes) -> bytes:
        return self._casework.seal_under(
            wrapped, _about(search_id, "key"), plaintext, _about(search_id, what)
        )

    def _open(self, wrapped: bytes, search_id: str, what: str, sealed: bytes) -> bytes:
        return self._casework.open_under(
            wrapped, _about(search_id, "key"), sealed, _about(search_id, what)
        )


def _about(search_id: str, what: str) -> bytes:
    return f"onrecord/casework/v1\n{search_id}\n{what}".encode()


def _fields(candidate: MergedCandidate) -> dict[str, str | int]:
    return {
        "gallery": candidate.gallery,
        "candidate_ref": candidate.candidate_ref,
        "model_id": candidate.model_id,
        "similarity": candidate.similarity,
    }


def _candidate(one: object) -> MergedCandidate:
    if not isinstance(one, dict):
        raise TypeError("a sealed candidate is not an object")
    return MergedCandidate(
        str(one["gallery"]), str(one["candidate_ref"]), str(one["model_id"]), one["similarity"]
    )


def _held(search: Search) -> SealedCasework:
    if search.sealed is None:
        raise _gone()
    return search.sealed


def _gone() -> OnRecordError:
    return OnRecordError(
        ErrorCode.SEARCH_STATE, "this search holds no probe and no candidates in its present state"
    )
