"""Verifying a whole ledger from what it publishes, believing nothing but a key.

R-20, R-24: the tree is built again from every entry, every tile is compared byte for byte, the
root must be the one that the checkpoint signs. Where bodies are at hand, each must be the one its
leaf commits to, and the laws over them (`BodyCheck`) must hold. Memory stays bounded.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.bodies import BODIES, Bodies, BodyReader, tell, uphold
from onrecord.proof.checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    open_checkpoint,
)
from onrecord.proof.checks import (
    BodyCheck,
    BodyCheckFactory,
    Check,
    KindsKnown,
    LedgerFault,
    TimesMonotone,
    base_checks,
)
from onrecord.proof.cosignatures import Cosignature, Quorum, cosignatures_on
from onrecord.proof.merkle import EMPTY_ROOT
from onrecord.proof.notes import NoteVerifier
from onrecord.proof.rebuild import TILES_AGREE, Rebuild
from onrecord.proof.spans import (
    COMMITMENTS,
    ENTRIES,
    SPAN_BUNDLES,
    SPAN_WITH_BODIES,
    Examine,
    Examined,
    Span,
    one_by_one,
)
from onrecord.proof.tiles import CHECKPOINT_PATH, TILE_WIDTH, Fetch

__all__ = [
    "BODIES",
    "COMMITMENTS",
    "ENTRIES",
    "Bodies",
    "BodyCheck",
    "BodyCheckFactory",
    "Check",
    "KindsKnown",
    "LedgerFault",
    "LedgerReport",
    "TimesMonotone",
    "base_checks",
    "verify_ledger",
]

SIGNED = "the checkpoint is signed by the log's key"
WITNESSED = "the checkpoint is cosigned by as many of the witnesses named as are asked for"
EXTENDS = "the ledger extends the checkpoint seen before"
ROOT = "the entries lead to the root that the checkpoint signs"


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """What was found to hold. `bodies` says how many bodies were at hand (None: not looked at)."""

    checkpoint: Checkpoint
    cosignatures: tuple[Cosignature, ...]
    checks: tuple[Check, ...]
    bodies: int | None

    @property
    def witnessed_by(self) -> tuple[str, ...]:
        """Which of the witnesses named have cosigned."""
        return tuple(one.witness.name for one in self.cosignatures)


def verify_ledger(
    fetch: Fetch,
    key: NoteVerifier,
    *,
    witnesses: Sequence[NoteVerifier] = (),
    needed: int | None = None,
    bodies: Bodies | None = None,
    previous: SignedCheckpoint | None = None,
    progress: Callable[[int, int], None] | None = None,
    body_checks: Sequence[BodyCheckFactory] | None = None,
    all_bodies: bool = True,
    examine: Examine | None = None,
) -> LedgerReport:
    """Check everything that can be checked; raises `LedgerFault` at the first false thing.

    `fetch` reads an object by its path and raises `OnRecordError(NOT_FOUND)` where there is none.
    As many of `witnesses` as are `needed` must have cosigned (None: each of them; `ValueError`
    where that cannot be). `bodies` are (index, nonce, body) by rising index; with `all_bodies`
    none may be missing. `previous` is a checkpoint kept from before: this ledger must
    begin with that one. `body_checks` replaces `base_checks()`. `progress` is told how many
    entries of how many are done. `examine` checks spans of the ledger in its own way, such as
    several at once; else they are checked here, one by one. Errors of `fetch` other than
    `NOT_FOUND` in the checkpoint or a bundle become faults too: what cannot be read has not been
    verified.
    """
    quorum = Quorum(tuple(witnesses), len(witnesses) if needed is None else needed)
    checkpoint, cosignatures = _open(fetch, key, quorum)
    checks = [Check(SIGNED, 1)]
    if witnesses:
        checks.append(Check(WITNESSED, len(cosignatures)))
    if previous is not None:
        _open_previous(previous, key, checkpoint)
    factories = base_checks() if body_checks is None else body_checks
    laws = [make() for make in factories] if bodies is not None else []
    reader = BodyReader(bodies, all_bodies) if bodies is not None else None
    cut = None if previous is None else previous.checkpoint
    tree = Rebuild(fetch)
    seen = 0

    for done in (examine or one_by_one(fetch))(_spans(checkpoint, reader, cut)):
        if cut is not None and done.at_cut:
            _extends(tree, done, cut)
        tree.add(done.roots, done.tail, done.tiles_compared)
        for index, body in done.bodies:
            tell(laws, index, body)
        seen += len(done.bodies)
        if progress is not None:
            progress(done.span.first + done.span.count, checkpoint.size)

    tree.finish()
    _same_root(ROOT, tree.root(), checkpoint)
    if previous is not None:
        if previous.checkpoint.size == 0:
            _same_root(EXTENDS, EMPTY_ROOT, previous.checkpoint)
        checks.append(Check(EXTENDS, 1))
    checks += [Check(ENTRIES, checkpoint.size), Check(COMMITMENTS, checkpoint.size)]
    checks += [Check(TILES_AGREE, tree.tiles_compared), Check(ROOT, 1)]
    if reader is not None:
        reader.finish()
        checks.append(Check(BODIES, seen))
    for law in laws:
        uphold(law, law.finish)
        checks.append(Check(law.name, law.passed))
    seen_bodies = None if reader is None else seen
    return LedgerReport(checkpoint, cosignatures, tuple(checks), seen_bodies)


def _spans(
    checkpoint: Checkpoint, reader: BodyReader | None, cut: Checkpoint | None
) -> Iterator[Span]:
    """The whole ledger, span by span, each with the bodies at hand for it."""
    width = (SPAN_BUNDLES if reader is None else SPAN_WITH_BODIES) * TILE_WIDTH
    for first in range(0, checkpoint.size, width):
        count = min(width, checkpoint.size - first)
        rows, broken = (None, None) if reader is None else reader.take(first, count)
        ends_here = cut is not None and first < cut.size <= first + count
        at = cut.size if cut is not None and ends_here else None
        yield Span(first, count, checkpoint.size, rows, broken, at)
        if broken is not None:
            return


def _extends(tree: Rebuild, done: Examined, cut: Checkpoint) -> None:
    """Hold the root of the earlier ledger, which ends within this span, against the tree."""
    before = (cut.size - 1 - done.span.first) // TILE_WIDTH
    _same_root(EXTENDS, tree.root_with((*done.roots[:before],), done.at_cut), cut)


def _open(
    fetch: Fetch, key: NoteVerifier, quorum: Quorum
) -> tuple[Checkpoint, tuple[Cosignature, ...]]:
    try:
        opened = open_checkpoint(_text(fetch(CHECKPOINT_PATH)), key, quorum.witnesses)
        found = cosignatures_on(opened.note, quorum.witnesses)
    except OnRecordError as error:
        raise LedgerFault(SIGNED, None, error.message) from error
    if quorum.witnesses and not quorum.met_by(opened.witnessed_by):
        missing = [one.name for one in quorum.witnesses if one.name not in opened.witnessed_by]
        message = f"{len(found)} of {quorum.needed} witnesses: " + ", ".join(
            f"{name} has not cosigned" for name in missing
        )
        raise LedgerFault(WITNESSED, None, message)
    return opened.checkpoint, found


def _open_previous(previous: SignedCheckpoint, key: NoteVerifier, now: Checkpoint) -> None:
    try:
        before = open_checkpoint(previous.note, key).checkpoint
    except OnRecordError as error:
        raise LedgerFault(EXTENDS, None, f"the one seen before: {error.message}") from error
    if before != previous.checkpoint:
        raise LedgerFault(EXTENDS, None, "the one seen before is not what its note says")
    if before.size > now.size:
        message = f"it had {before.size} entries and has {now.size}: the ledger was cut"
        raise LedgerFault(EXTENDS, now.size, message)


def _same_root(check: str, computed: bytes, signed: Checkpoint) -> None:
    if computed != signed.root:
        message = f"the first {signed.size} entries do not lead to the root it signs"
        raise LedgerFault(check, None, message)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise OnRecordError(ErrorCode.SIGNATURE_INVALID, "the note is not UTF-8") from error
