"""Holds what people were told, and what the ledger says, against the laws: by the API alone."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from onrecord.client import ClientError, OnRecordClient
from onrecord.kernel.times import parse_time
from tests.builders import e2e_people as people
from tests.builders.e2e_ledger import LedgerView
from tests.chaos.book import Book
from tests.chaos.form import Form
from tests.chaos.laws import ALWAYS, AT_THE_END, found_mates, leads_by_stamp, lost_mates
from tests.chaos.passing import let_pass
from tests.chaos.stage import GALLERIES
from tests.chaos.told import Told

_AFTER_EXPIRY: Final = timedelta(seconds=75)
"""R-23 allows a minute after a grant's expiry; the reading takes its time too."""
_LOOK_AGAIN: Final = 1.0
_SETTLE_SECONDS: Final = 90.0


class Watch:
    """Every law that was found broken is in `broken`, once."""

    def __init__(self, form: Form, told: Told) -> None:
        self._form = form
        self._told = told
        self._ledger = LedgerView(form.installation)
        self.broken: list[str] = []
        self.redriven = 0
        """Dead letters that an operator had to send on again."""

    def look(self) -> list[str]:
        """What must hold at any moment; what is broken and was not before."""
        told = self._told.of("searched")  # before the ledger is read: what was told stands in it
        book = self._read()
        return self._found(broken for law in ALWAYS for broken in law(book, self._told, told))

    def last(self, waiting: Callable[[], int]) -> list[str]:
        """What must hold when everybody has been answered. `waiting`: enrolments on their way."""
        self.redriven = self._redrive()
        found = self._settle(waiting)
        found += self.look()
        book = self._read()
        found += self._found(broken for law in AT_THE_END for broken in law(book, self._told))
        found += self._found(self._agreement())
        found += self._found(self._witnessed())
        return found + self._found(self._verified())

    def counts(self) -> tuple[Mapping[str, int], Mapping[str, int], Mapping[str, int]]:
        """Entries by kind, searches for who was live by whether they found them, and leads by
        whether they were witnessed when they were given out.
        """
        book = self._read()
        kinds = Counter(one.kind for one in book.entries)
        found, lost = found_mates(book, self._told), lost_mates(book, self._told)
        return kinds, {"found": found, "not found": lost}, leads_by_stamp(self._told)

    def _settle(self, waiting: Callable[[], int]) -> list[str]:
        """Until every grant has its end, or should have; and every enrolment."""
        until = time.monotonic() + _SETTLE_SECONDS
        while True:
            book = self._read()
            without_end = [one for one in book.granted if one not in book.ends]
            due = [parse_time(book.granted[one]) + _AFTER_EXPIRY for one in without_end]
            over = not due or max(due) < datetime.now(UTC)
            left = waiting()
            told = book.enrolled() >= {one["enrolment"] for one in self._told.of("live")}
            if over and (time.monotonic() > until or (left == 0 and told)):
                stuck = [f"{left} enrolments were accepted, and never ended"] if left else []
                return self._found(iter([*stuck, *self._dead_letters()]))
            let_pass(_LOOK_AGAIN)

    def _redrive(self) -> int:
        """What nobody could work on is sent on again, as an operator would; how many that was."""
        with people.client(self._form.installation, people.OPERATOR) as client:
            letters = [one.letter_id for one in client.dead_letters() if one.redriven_at is None]
            return len(client.redrive(letters)) if letters else 0

    def _dead_letters(self) -> list[str]:
        """What waits for an operator still."""
        with people.client(self._form.installation, people.OPERATOR) as client:
            left = [one for one in client.dead_letters() if one.redriven_at is None]
        return [f"a dead letter, after a redrive: {one}" for one in left]

    def _agreement(self) -> Iterator[str]:
        """R-48: roster, index and vault agree, at the latest when they were made to."""
        for gallery in GALLERIES:
            with people.client(self._form.installation, people.custodian(gallery)) as client:
                try:
                    yield from self._agrees(gallery, client)
                except ClientError as error:
                    yield f"{gallery}: whether all of it agrees cannot be asked: {error}"

    def _agrees(self, gallery: str, client: OnRecordClient) -> Iterator[str]:
        repaired = client.check_gallery(gallery, repair=True)
        if repaired.missing_portraits:
            yield f"{gallery}: {repaired.missing_portraits} portraits are missing"
        until = time.monotonic() + _SETTLE_SECONDS
        while not (said := client.check_gallery(gallery)).agrees:
            if time.monotonic() > until:
                yield f"{gallery}: roster, index and vault do not agree: {said}"
                break
            let_pass(_LOOK_AGAIN)

    def _witnessed(self) -> Iterator[str]:
        """R-20, R-24: no witness was ever shown another history, and all of them have seen this
        one to its end, at the latest a minute after they are back.
        """
        witnesses = self._form.witnesses
        for why in witnesses.refused():
            yield f"the ledger has signed what does not extend what it had shown: {why}"
        size = len(self._read().entries)
        until = time.monotonic() + _SETTLE_SECONDS
        while min(witnesses.cosigned(), default=size) < size:
            if time.monotonic() > until:
                yield f"of {size} entries witnesses have cosigned {witnesses.cosigned()}"
                break
            let_pass(_LOOK_AGAIN)

    def _verified(self) -> Iterator[str]:
        """R-20, R-22, R-24: the whole, as an auditor verifies it, with every body."""
        with tempfile.TemporaryDirectory(prefix="chaos-ledger-") as name:
            folder, quorum = self._ledger.export(Path(name)), self._form.witnesses.quorum
            asked = [part for key in quorum.witnesses for part in ("--witness", key.text)]
            asked += ["--quorum", str(quorum.needed)] if asked else []
            said = self._ledger.verify_command(str(folder), *asked)
        if said.returncode:
            yield f"the ledger does not verify: {(said.stdout + said.stderr)[-2000:]}"

    def _read(self) -> Book:
        until = time.monotonic() + _SETTLE_SECONDS
        while True:
            try:
                entries = self._ledger.entries()
            except ClientError as error:
                if error.status not in (0, 429, 503) or time.monotonic() > until:
                    raise
                let_pass(_LOOK_AGAIN)
            else:
                return Book(list(entries), self._ledger.raw())

    def _found(self, broken: Iterator[str]) -> list[str]:
        new = [one for one in broken if one not in self.broken]
        self.broken += new
        return new
