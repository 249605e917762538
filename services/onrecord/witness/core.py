"""Whether a submission extends what this witness has cosigned. Pure."""

from dataclasses import dataclass

from onrecord.kernel.errors import OnRecordError
from onrecord.proof.checkpoint import Checkpoint
from onrecord.proof.merkle import EMPTY_ROOT, verify_consistency
from onrecord.proof.submission import SIZE_TYPE, Submission

PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered over HTTP: a status, a body, and the body's type."""

    status: int
    body: str
    content_type: str = PLAIN

    @property
    def cosigned(self) -> bool:
        return self.status == 200


@dataclass(frozen=True, slots=True)
class Known:
    """The newest tree of an origin that was cosigned: `time` in seconds since 1970."""

    size: int
    root: bytes
    time: int
    note: str


NOTHING = Known(0, EMPTY_ROOT, 0, "")


def refusal(submission: Submission, checkpoint: Checkpoint, known: Known) -> Answer | None:
    """Why it is not cosigned, in the order and with the status codes of the specification."""
    if submission.old_size > checkpoint.size:
        return Answer(400, f"a log of {checkpoint.size} does not extend one of more\n")
    if submission.old_size != known.size:
        return Answer(409, f"{known.size}\n", SIZE_TYPE)
    # Nothing is known of a log before its first checkpoint, whatever its root.
    try:
        verify_consistency(
            known.size, known.root, checkpoint.size, checkpoint.root, submission.proof
        )
    except OnRecordError as error:
        return Answer(422, f"{error.message}\n")
    return None
