"""What a log makes of its witnesses' answers (C2SP tlog-witness). Pure.

A witness's word stops the ledger only where it spoke twice: it has said itself, just now, which
size it cosigned, and then that our tree does not extend that one. What is merely remembered of a
witness proves nothing: its operator may have restored it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

from onrecord.kernel.errors import OnRecordError
from onrecord.proof.checkpoint import SignedCheckpoint
from onrecord.proof.cosignatures import Cosignature, Quorum
from onrecord.proof.notes import COSIGNATURE_V1, NoteVerifier
from onrecord.proof.submission import Submission

MAX_ROUNDS = 6
"""A witness is asked this often about one checkpoint: its size, our doubt, other replicas."""


@dataclass(frozen=True, slots=True)
class WitnessAddress:
    """A witness: by which key it is believed, and where it is asked (the submission prefix)."""

    key: NoteVerifier
    url: str

    def __str__(self) -> str:
        return f"{self.key.text} {self.url}"

    @classmethod
    def parse(cls, text: str) -> "WitnessAddress":
        """`VKEY URL`. `ValueError` where it is something else."""
        key, _, url = text.strip().partition(" ")
        try:
            verifier = NoteVerifier.parse(key)
        except OnRecordError as error:
            raise ValueError(f"not a verifier key: {error.message}") from error
        if verifier.algorithm != COSIGNATURE_V1:
            raise ValueError(f"the key of {verifier.name} is not a witness's (type 4)")
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ValueError(f"{verifier.name}: not an http or https address: {url!r}")
        if parts.query or parts.fragment:
            raise ValueError(f"{verifier.name}: an address without a query: {url!r}")
        return cls(verifier, url.strip().rstrip("/"))


@dataclass(frozen=True, slots=True)
class Witnessing:
    """Which witnesses are asked, how many must have cosigned, and how long anything waits.

    `wait_seconds`: how long a publication waits for the quorum. `call_seconds`: the deadline of
    one submission. A witness that does not answer is asked again after `first_pause` seconds, each
    time after twice as long, at most `longest_pause`.
    """

    addresses: tuple[WitnessAddress, ...] = ()
    needed: int = 0
    wait_seconds: float = 2.0
    call_seconds: float = 10.0
    first_pause: float = 1.0
    longest_pause: float = 60.0
    quorum: Quorum = field(init=False)

    def __post_init__(self) -> None:
        keys = tuple(one.key for one in self.addresses)
        object.__setattr__(self, "quorum", Quorum(keys, self.needed))


@dataclass(frozen=True, slots=True)
class Cosigned:
    """200: the witness's verified cosignature."""

    cosignature: Cosignature


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """409: the size that the witness cosigned last is this one, not the one we said."""

    size: int


@dataclass(frozen=True, slots=True)
class NotExtended:
    """422: what we sent does not extend what it cosigned last."""

    why: str


Answer: TypeAlias = Cosigned | Elsewhere | NotExtended


class WitnessAwayError(Exception):
    """No answer, or one that says nothing about our tree: ask again later."""


class ContradictionError(Exception):
    """A witness has cosigned what this ledger does not extend."""


class AskedWitness(Protocol):
    """One witness, as it is asked."""

    @property
    def key(self) -> NoteVerifier: ...

    def submit(self, submission: Submission) -> Answer:
        """Raises `WitnessAwayError`."""
        ...

    def close(self) -> None:
        """Break off what is under way."""
        ...


class Committed(Protocol):
    """The ledger as its database has committed it."""

    def head(self) -> SignedCheckpoint:
        """The newest head, whoever appended it, signed."""
        ...

    def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]: ...


@dataclass(frozen=True, slots=True)
class Obtained:
    """A cosignature, and the checkpoint that it is on."""

    signed: SignedCheckpoint
    cosignature: Cosignature


def obtain(
    witness: AskedWitness,
    ledger: Committed,
    wanted: SignedCheckpoint,
    known: int,
    promised: int,
    forgot: Callable[[int], None],
) -> Obtained:
    """Have `wanted` cosigned, or the newest head where the witness is further than that.

    `known` is the size that we believe it cosigned last (0: it is asked), `promised` the largest
    that we have its signature on. `forgot` is told a size less than that, which no witness that
    kept its promise can go on from. Raises `WitnessAwayError`, `ContradictionError`.
    """
    name, target, said_so = witness.key.name, wanted, False
    for _ in range(MAX_ROUNDS):
        if known > target.checkpoint.size:
            # Another replica may have appended, and shown it, since we read our head.
            target = ledger.head()
        size = target.checkpoint.size
        if known > size and said_so:
            raise ContradictionError(
                f"{name} has cosigned {known} entries and the database has {size}: it has been "
                "rolled back"
            )
        if known > size:
            known = 0
        answer = witness.submit(Submission(known, ledger.consistency(known, size), target.note))
        match answer:
            case Cosigned(cosignature):
                if known < promised:
                    forgot(known)
                return Obtained(target, cosignature)
            case Elsewhere(told) if told != known:
                known, said_so = told, True
            case Elsewhere(_) | NotExtended(_):
                # By tag v1.0.0 a 409 that names our own size means: the same size, another root.
                if said_so:
                    raise ContradictionError(
                        f"{name} has cosigned {known} entries that are not the first {known} of "
                        "the database"
                    )
                known = 0
    raise WitnessAwayError(f"{name} does not say twice the same")
