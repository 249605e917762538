"""Steady work: people who search, enrol and delete, and examine, each in a thread of their own."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from tests.builders.e2e_people import Person
from tests.chaos.asking import Asker, Heard
from tests.chaos.examining import Examining
from tests.chaos.form import Asked
from tests.chaos.keeping import Deleting, Enrolling
from tests.chaos.records import Records
from tests.chaos.searching import Searching
from tests.chaos.told import Told

_JOIN_SECONDS = 300.0


class Load:
    """Begun with `start`; `stop` lets everybody finish what they have asked for."""

    def __init__(
        self,
        form: Asked,
        examiners: Sequence[Person],
        pictures: Iterator[bytes],
        told: Told,
        seed: int,
        cosigned: Callable[[], Sequence[int]] = list,
    ) -> None:
        self.heard = Heard()
        self.records = Records(random.Random(seed))  # noqa: S311 - as all chances here, by the seed
        self._stopping = threading.Event()

        def asker(number: int) -> Asker:
            return Asker(form, random.Random(seed * 100 + number), self.heard)  # noqa: S311

        chance = random.Random(seed + 1)  # noqa: S311
        self._searching = [Searching(asker(n), self.records, told, cosigned) for n in (1, 2)]
        self._enrolling = Enrolling(asker(3), self.records, told, pictures)
        deleting = Deleting(asker(4), self.records, told)
        examining = Examining(asker(5), examiners, told, chance)
        self._threads = [
            *(self._thread("searching", one.once, 0.4) for one in self._searching),
            self._thread("enrolling", self._enrolling.once, 1.5),
            self._thread("deleting", deleting.once, 6.0),
            self._thread("examining", examining.once, 0.2),
        ]
        self.broke: list[str] = []

    def begin(self, records: int) -> None:
        """Enrol so many before anybody searches, then start everybody."""
        while self.records.counts()["live"] < records:
            self._enrolling.once()
        for one in self._threads:
            one.start()

    def searched_whole_since(self, moment: float) -> bool:
        """Whether a search that began after `moment` (monotonic) found every gallery searched."""
        return any(one.last_whole > moment for one in self._searching)

    def stop(self) -> None:
        """Everybody finishes; then what was accepted is waited for."""
        self._stopping.set()
        until = time.monotonic() + _JOIN_SECONDS
        for one in self._threads:
            one.join(max(0.0, until - time.monotonic()))
            if one.is_alive():
                self.broke.append(f"{one.name} did not finish")

    def ask_for_leads(self) -> None:
        """Of every search that waits for its examiners, or whose lead was not witnessed."""
        for one in self._searching:
            one.ask_for_leads()

    def ask_after_enrolments(self) -> int:
        """How many are accepted and still on their way."""
        self._enrolling.ask_after()
        return len(self.records.waiting())

    def _thread(self, name: str, once: Callable[[], None], pause: float) -> threading.Thread:
        def work() -> None:
            try:
                while not self._stopping.wait(pause):
                    once()
            except Exception as error:  # noqa: BLE001 - told at the end, with the laws
                self.broke.append(f"whoever was {name} failed: {error!r}")

        return threading.Thread(target=work, name=name, daemon=True)
