"""Custodians: one who enrols, and one who deletes."""

import itertools
from collections.abc import Iterator

from tests.builders import e2e_people as people
from tests.chaos.asking import Asker
from tests.chaos.records import Record, Records
from tests.chaos.stage import GALLERIES
from tests.chaos.told import Told

_WAIT_SECONDS = 2
_KEPT = 4
"""Records that are left, so that there is somebody to search for."""


class Enrolling:
    """A picture each time, by turns in each state."""

    def __init__(
        self, asker: Asker, records: Records, told: Told, pictures: Iterator[bytes]
    ) -> None:
        self._asker = asker
        self._records = records
        self._told = told
        self._pictures = pictures
        self._galleries = itertools.cycle(GALLERIES)
        self._numbers = itertools.count()

    def once(self) -> None:
        self.ask_after()
        picture = next(self._pictures, None)
        if picture is None:
            return
        gallery = next(self._galleries)
        record = Record(gallery, f"{gallery[3:]}-CHAOS-{next(self._numbers)}", picture)
        said = self._asker.ask(
            "enrol",
            people.custodian(gallery),
            lambda client: client.enrol(gallery, record.record_id, picture, wait=_WAIT_SECONDS),
        )
        if said is None:
            return
        record.enrolment = said.enrolment_id
        self._told.note(
            "accepted", gallery=gallery, enrolment=said.enrolment_id, record=record.record_id
        )
        self._records.accepted(record)
        self._ended(record, said.status)

    def ask_after(self) -> None:
        """How far those are that were accepted."""
        for record in self._records.waiting():
            self._ask_after(record)

    def _ask_after(self, record: Record) -> None:
        said = self._asker.ask(
            "enrolment",
            people.custodian(record.gallery),
            lambda client: client.enrolment(record.gallery, record.enrolment),
        )
        if said is not None:
            self._ended(record, said.status)

    def _ended(self, record: Record, status: str) -> None:
        if status == "live":
            self._told.note("live", enrolment=record.enrolment, record=record.record_id)
        if status in ("live", "rejected"):
            self._records.ended(record, status == "live")


class Deleting:
    """One record each time, now and then one that is still on its way into the gallery."""

    def __init__(self, asker: Asker, records: Records, told: Told) -> None:
        self._asker = asker
        self._records = records
        self._told = told

    def once(self) -> None:
        record = self._records.to_delete(_KEPT)
        if record is None:
            return
        said = self._asker.ask(
            "delete",
            people.custodian(record.gallery),
            lambda client: client.delete_record(record.gallery, record.record_id),
        )
        if said is None:
            return
        self._told.note(
            "deleted",
            gallery=record.gallery,
            record=record.record_id,
            generation=said.generation,
            since=said.not_returned_from,
            statement=dict(said.document)["deleted"],
        )
        self._records.deleted(record)
