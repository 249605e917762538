"""What an examiner is answered, and says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onrecord.kernel.vocabulary import Conclusion, TaskStatus

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TaskSummary:
    task_id: str
    status: TaskStatus

    @classmethod
    def read(cls, said: Json) -> "TaskSummary":
        return cls(said["task_id"], TaskStatus(said["status"]))


@dataclass(frozen=True, slots=True)
class Task:
    """A task and its candidates, in an order that says nothing."""

    task_id: str
    status: TaskStatus
    candidate_refs: tuple[str, ...]

    @classmethod
    def read(cls, said: Json) -> "Task":
        references = tuple(one["candidate_ref"] for one in said["candidates"])
        return cls(said["task_id"], TaskStatus(said["status"]), references)


@dataclass(frozen=True, slots=True)
class Decision:
    """What an examiner concludes about one candidate: why, and in how many seconds."""

    candidate_ref: str
    conclusion: Conclusion
    reasons: tuple[str, ...]
    seconds: int

    def to_json(self) -> dict[str, Any]:
        return {
            "candidate_ref": self.candidate_ref,
            "conclusion": self.conclusion.value,
            "reasons": list(self.reasons),
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True)
class Examiner:
    person: str
    agency: str
    training_completed: str

    @classmethod
    def read(cls, said: Json) -> "Examiner":
        return cls(said["person"], said["agency"], said["training_completed"])
