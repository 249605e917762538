"""Examiners, who look at every candidate and know whom the probe shows; and who asked for it."""

import hashlib
import random
from collections.abc import Callable, Sequence

from onrecord.client import Decision, OnRecordClient
from onrecord.kernel.vocabulary import Conclusion
from tests.builders.e2e_people import Person
from tests.builders.e2e_scene import METHOD
from tests.chaos.asking import Asker
from tests.chaos.told import Told

_COMMENT = slice(2, 22)
"""What `unique` puts into a picture: a marker, a length and sixteen bytes."""


class Examining:
    """One task at a time, the oldest first, so that both who were drawn come to the same search:
    tasks come in an order that says nothing, so that whoever was there first is noted.
    """

    def __init__(
        self, asker: Asker, examiners: Sequence[Person], told: Told, chance: random.Random
    ) -> None:
        self._asker = asker
        self._examiners = list(examiners)
        self._told = told
        self._chance = chance
        self._known: set[str] = set()
        self._open: list[tuple[Person, str]] = []

    def once(self) -> None:
        self._chance.shuffle(self._examiners)
        for who in self._examiners:
            tasks = self._asker.ask("tasks", who, lambda client: client.tasks())
            new = [one.task_id for one in tasks or () if one.task_id not in self._known]
            self._known.update(new)
            self._open += [(who, one) for one in new]
        if self._open:
            self._examine(*self._open.pop(0))

    def _examine(self, who: Person, task_id: str) -> None:
        ask = self._asker.ask
        task = ask("task", who, lambda client: client.task(task_id))
        probe = ask("look", who, lambda client: client.probe(task_id))
        if task is None or probe is None:
            return
        self._told.note("looked", task_id=task_id, at="probe")
        picture = hashlib.sha256(probe[: _COMMENT.start] + probe[_COMMENT.stop :]).digest()
        decisions = []
        for ref in task.candidate_refs:
            portrait = ask("look", who, _portrait(task_id, ref))
            if portrait is not None:
                self._told.note("looked", task_id=task_id, at=ref)
            concluded = _concluded(portrait, picture)
            decisions.append(Decision(ref, concluded, ("nose and brow",), 30))
        said = ask("decide", who, lambda client: client.decide(task_id, METHOD, decisions))
        if said is not None:
            self._told.note("decided", task_id=task_id, entry=said.entry_index)


def _portrait(task_id: str, ref: str) -> Callable[[OnRecordClient], bytes]:
    return lambda client: client.portrait(task_id, ref)


def _concluded(portrait: bytes | None, picture: bytes) -> Conclusion:
    """Nothing, of a candidate that was deleted meanwhile: there is no portrait to look at."""
    if portrait is None:
        return Conclusion.INCONCLUSIVE
    same = hashlib.sha256(portrait).digest() == picture
    return Conclusion.SUPPORTS_SAME if same else Conclusion.SUPPORTS_DIFFERENT
