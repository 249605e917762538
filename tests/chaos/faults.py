"""What is done to an installation, one thing at a time. Each undoes itself."""

import itertools
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from onrecord.chassis.bus.ports import Received
from onrecord.chassis.certificates import LocalAuthority
from onrecord.chassis.database import open_database, write_transaction
from onrecord.contracts.events import TOPICS
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.times import format_time
from onrecord.vector_search.roster import transport_keys
from onrecord.vector_search.roster.schema import transport_keys as held_keys
from tests.chaos.form import Certified, Form, Target
from tests.chaos.passing import let_pass
from tests.chaos.wires import State

_LASTS: Final = (1.0, 6.0)
_LONG: Final = (12.0, 18.0)
"""Longer than the bus waits for a member, now and then."""
_LONG_CHANCE: Final = 0.15
_AWAY: Final = (0.0, 2.0)
_CERTIFICATE_DAYS: Final = 90
_LEFT: Final = timedelta(seconds=4)
_TWICE: Final = 30
_GROUP: Final = "chaos"
_PUBLISH_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Fault:
    """`act` does it and undoes it, and says in a few words how it was."""

    kind: str
    target: str
    act: Callable[[random.Random], str]


def faults_of(form: Form) -> Iterator[Fault]:
    """Everything that can be done to it, once."""
    for target in form.targets:
        part = " a part" if target.name in form.parts else ""
        yield Fault("kill" + part, target.name, _kill(target))
        yield Fault("pause" + part, target.name, _pause(target))
        yield Fault("restart" + part, target.name, _restart(target))
    for link in form.links.names():
        part = " off a part" if link.split(" to ")[1] in form.parts else ""
        yield Fault("cut" + part, link, _broken(form, link, State.CUT))
        yield Fault("stall" + part, link, _broken(form, link, State.STALLED))
    yield Fault("deliver twice", "bus", Twice(form))
    for one in form.certified:
        yield Fault("expire", one.name, _expire(form, one))
    for gallery, roster in form.rosters.items():
        yield Fault("rotate", gallery, _rotate(gallery, roster))


def drawn(faults: Sequence[Fault], chance: random.Random) -> Iterator[Fault]:
    """For ever: rounds of one fault of each kind, in an order by chance; each kind takes its
    targets in turn.
    """
    by_kind: dict[str, list[Fault]] = defaultdict(list)
    for one in chance.sample(faults, len(faults)):
        by_kind[one.kind].append(one)
    turns = {kind: itertools.cycle(found) for kind, found in sorted(by_kind.items())}
    while True:
        for kind in chance.sample(list(turns), len(turns)):
            yield next(turns[kind])


def _hold(chance: random.Random) -> float:
    """Wait for some seconds while it lasts; for how many."""
    seconds = chance.uniform(*(_LONG if chance.random() < _LONG_CHANCE else _LASTS))
    let_pass(seconds)
    return seconds


def _kill(target: Target) -> Callable[[random.Random], str]:
    def act(chance: random.Random) -> str:
        target.kill()
        away = chance.uniform(*_AWAY)
        let_pass(away)
        target.start()
        return f"SIGKILL, started again after {away:.1f} s"

    return act


def _pause(target: Target) -> Callable[[random.Random], str]:
    def act(chance: random.Random) -> str:
        target.pause()
        try:
            return f"stopped for {_hold(chance):.1f} s"
        finally:
            target.resume()

    return act


def _restart(target: Target) -> Callable[[random.Random], str]:
    def act(_: random.Random) -> str:
        began = time.monotonic()
        target.stop()
        seconds = time.monotonic() - began
        target.start()
        return f"ended in order after {seconds:.1f} s, started again"

    return act


def _broken(form: Form, link: str, state: State) -> Callable[[random.Random], str]:
    def act(chance: random.Random) -> str:
        with form.links.broken(link, state):
            return f"{state.value} for {_hold(chance):.1f} s"

    return act


class Twice:
    """Publishes again what was published since the last time, or some of it."""

    def __init__(self, form: Form) -> None:
        self._bus = form.bus

    def __call__(self, chance: random.Random) -> str:
        found = self._since()
        again = chance.sample(found, min(len(found), _TWICE))
        publisher = self._bus.publisher()
        try:
            publisher.publish([one.message for one in again], Deadline.after(_PUBLISH_SECONDS))
        finally:
            publisher.close()
        topics = {one.message.topic.removeprefix("onrecord.") for one in again}
        return f"{len(again)} of {len(found)} messages again, of {', '.join(sorted(topics))}"

    def _since(self) -> list[Received]:
        consumer = self._bus.consumer(_GROUP, TOPICS)
        found: list[Received] = []
        until = time.monotonic() + _PUBLISH_SECONDS
        try:
            while time.monotonic() < until:
                polled = consumer.poll(500, 1.0)
                found += polled
                if found and not polled:
                    break
        finally:
            consumer.close()
        return found


def _expire(form: Form, one: Certified) -> Callable[[random.Random], str]:
    def act(chance: random.Random) -> str:
        ends = datetime.now(UTC) + _LEFT
        _issue(form.certificates, one, lambda: ends - timedelta(days=_CERTIFICATE_DAYS))
        let_pass(_LEFT.total_seconds() + 2.0)  # past the latest word of when it runs out
        try:
            return f"has run out, and was renewed after {_hold(chance):.1f} s"
        finally:
            LocalAuthority.open(form.certificates).issue(one.service, one.name)

    return act


def _issue(folder: Path, one: Certified, now: Callable[[], datetime]) -> None:
    """A certificate in place of the one that is there, as of `now`."""
    fresh = folder / "chaos"
    fresh.mkdir(exist_ok=True)
    for kept in ("root.pem", "root.key.pem"):
        (fresh / kept).write_bytes((folder / kept).read_bytes())
    LocalAuthority.open(fresh, now).issue(one.service, one.name)
    for file in (f"{one.name}.key.pem", f"{one.name}.pem"):
        (fresh / file).replace(folder / file)


def _rotate(gallery: str, roster: str) -> Callable[[random.Random], str]:
    def act(_: random.Random) -> str:
        """The day of the transport key is over (R-46): the next portrait is sealed with another."""
        engine = open_database(roster)
        try:
            with write_transaction(engine) as tx:
                key = transport_keys.newest(tx, gallery)
                if key is None:
                    return "there is no key yet"
                over = format_time(datetime.now(UTC))
                one = (held_keys.c.gallery == gallery) & (held_keys.c.key_id == key.key_id)
                tx.execute(held_keys.update().where(one).values(seal_until=over))
        finally:
            engine.dispose()
        return "its transport key seals no more"

    return act
