"""Who is woken, and that nobody sleeps through what was rung before they lay down."""

import threading
import time
from pathlib import Path

from onrecord.chassis.bus.ports import Message
from onrecord.chassis.bus.sqlite import SqliteBus, TopicFile
from onrecord.chassis.bus.sqlite.bell import Bell
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.times import SystemClock

LONG = 60.0
FILES = [TopicFile("all", {"crops": 1, "letters": 1})]


def sleeper(bell: Bell, topic: str) -> threading.Thread:
    thread = threading.Thread(target=lambda: bell.wait([topic], 0, LONG), daemon=True)
    thread.start()
    return thread


def test_a_ring_wakes_those_it_is_for_and_nobody_else() -> None:
    bell = Bell()
    crops, letters = sleeper(bell, "crops"), sleeper(bell, "letters")
    bell.ring(["crops", "other"])
    crops.join(LONG)
    assert not crops.is_alive()
    assert letters.is_alive()
    bell.ring(["letters"])
    letters.join(LONG)
    assert not letters.is_alive()


def test_what_was_rung_before_is_not_waited_for() -> None:
    bell = Bell()
    heard = bell.rings(["crops"])
    bell.ring(["crops"])
    bell.wait(["crops"], heard, LONG)  # returns, or the test does not end
    assert bell.rings(["crops"]) == heard + 1


def test_nobody_rings() -> None:
    bell = Bell()
    began = time.monotonic()
    bell.wait(["crops"], 0, 0.02)
    assert time.monotonic() - began >= 0.02


def test_what_this_process_publishes_is_seen_long_before_it_looks_again(tmp_path: Path) -> None:
    """One process looks for messages of others seldom, and hears its own at once."""
    bus = SqliteBus(tmp_path, FILES, SystemClock(), look_again=LONG)
    reader, publisher = bus.consumer("readers", ["crops"]), bus.publisher()
    assert not reader.poll(1, 0.0)
    soon = Deadline.after(LONG)
    said = Message("crops", "a key", b"a crop", {})
    threading.Timer(0.05, lambda: publisher.publish([said], soon)).start()
    (seen,) = reader.poll(1, LONG)
    assert seen.message.payload == b"a crop"
    assert soon.remaining() > LONG / 2
    bus.close()


def test_what_another_process_publishes_is_seen_when_it_looks_again(tmp_path: Path) -> None:
    ours = SqliteBus(tmp_path, FILES, SystemClock(), look_again=0.1)
    theirs = SqliteBus(tmp_path, FILES, SystemClock())
    reader, publisher = ours.consumer("readers", ["crops"]), theirs.publisher()
    assert not reader.poll(1, 0.0)
    said = Message("crops", "a key", b"a crop", {})
    threading.Timer(0.05, lambda: publisher.publish([said], Deadline.after(LONG))).start()
    (seen,) = reader.poll(1, LONG)
    assert seen.message.payload == b"a crop"
    theirs.close()
    ours.close()
