"""How a process ends: not ready, nothing new, finish, close (R-45)."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

import pytest

from onrecord.chassis.health import Health, HealthServer
from onrecord.chassis.jobs import Periodic
from onrecord.chassis.lifecycle import Stopping, StopSignals, run
from onrecord.chassis.parts import WorkerPart
from onrecord.kernel.errors import ErrorCode, OnRecordError

WAIT = 10.0


@dataclass
class Recorded:
    """A part that writes down what is done to it."""

    name: str
    said: list[str]
    finishes: bool = True
    dies: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self.said.append(f"{self.name} starts")

    def ask_to_stop(self) -> None:
        self.said.append(f"{self.name} takes no more")

    def wait(self, seconds: float) -> bool:
        self.said.append(f"{self.name} finished")
        return self.finishes

    def failed(self) -> bool:
        return self.dies.is_set()


@dataclass
class Ready:
    said: list[str]

    def drain(self) -> None:
        self.said.append("not ready")


def asked() -> StopSignals:
    signals = StopSignals()
    signals.at_work()
    signals._heard(signal.SIGTERM, None)
    return signals


def test_the_order_of_a_stop() -> None:
    """R-45: unready first; then nobody takes anything new; then what was accepted finishes, the
    callers before those whom they call.
    """
    said: list[str] = []
    parts = [Recorded("consumer", said), Recorded("server", said)]
    clean = run(parts, Ready(said), asked(), Stopping(0, 1), lambda: said.append("ready"))
    assert clean
    assert said == [
        "consumer starts",
        "server starts",
        "ready",
        "not ready",
        "server takes no more",
        "consumer takes no more",
        "server finished",
        "consumer finished",
    ]


def test_what_did_not_finish_is_told() -> None:
    said: list[str] = []
    slow = Recorded("slow", said, finishes=False)
    assert not run([slow], Ready(said), asked(), Stopping(0, 0.01), lambda: None)


def test_a_part_that_dies_ends_the_process() -> None:
    """A process whose consumer is gone would look well and do nothing."""
    said: list[str] = []
    parts = [Recorded("consumer", said), Recorded("server", said)]
    parts[0].dies.set()
    signals = StopSignals()
    assert not run(parts, Ready(said), signals, Stopping(5, 1), lambda: None)
    assert said[-4:] == [
        "server takes no more",
        "consumer takes no more",
        "server finished",
        "consumer finished",
    ]


def test_a_part_that_does_not_start_stops_those_that_did() -> None:
    said: list[str] = []

    class Broken(Recorded):
        def start(self) -> None:
            raise OnRecordError(ErrorCode.INTERNAL, "no")

    parts = [Recorded("consumer", said), Broken("server", said)]
    with pytest.raises(OnRecordError):
        run(parts, Ready(said), StopSignals(), Stopping(0, 1), lambda: said.append("ready"))
    assert said == ["consumer starts", "consumer takes no more", "consumer finished"]


_PROGRAM = """
import sys, threading
from onrecord.chassis.lifecycle import Stopping, StopSignals, run
class Slow:
    def start(self): pass
    def ask_to_stop(self): print("asked", flush=True)
    def wait(self, seconds):
        sys.stdin.readline()  # the test says when it has finished
        print("finished", flush=True)
        return True
    def failed(self): return False
class Ready:
    def drain(self): print("not ready", flush=True)
with StopSignals() as signals:
    run([Slow()], Ready(), signals, Stopping(0, 60), lambda: print("ready", flush=True))
    print("closed", flush=True)
"""


def test_a_second_signal_does_not_break_off_the_first() -> None:
    """R-45: whoever presses ^C twice loses nothing."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "not ready\n"
    assert process.stdout.readline() == "asked\n"
    for again in (signal.SIGTERM, signal.SIGINT):
        process.send_signal(again)
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.read() == "finished\nclosed\n"
    assert process.wait(WAIT) == 0


def test_asked_while_it_opens_it_ends_at_once() -> None:
    """Nothing has been accepted yet: there is nothing to finish."""
    program = (
        "import time\n"
        "from onrecord.chassis.lifecycle import StopSignals\n"
        "with StopSignals():\n"
        "    print('opening', flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "opening\n"
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(WAIT) == 0
    process.stdout.close()


def asked_of(port: int, path: str) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body


def test_live_asks_nobody_and_ready_only_what_it_needs() -> None:
    """R-45: a process whose database is away lives; it is not ready, and says why by code."""
    sound = threading.Event()

    def database() -> None:
        if not sound.is_set():
            raise OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, "away, with a secret in the text")

    def broken() -> None:
        if not sound.is_set():
            raise ValueError("unforeseen")

    health = Health({"database": database, "other": broken})
    server = HealthServer("127.0.0.1:0", health)
    server.start()
    try:
        assert asked_of(server.port, "/healthz") == (200, {"status": "ok"})
        status, body = asked_of(server.port, "/readyz")
        assert status == 503
        assert body["checks"] == {
            "database": "ledger_unavailable",
            "other": "internal",
            "opening": "opening",
        }
        sound.set()
        health.opened()
        assert asked_of(server.port, "/readyz") == (
            200,
            {"status": "ready", "checks": {"database": "ok", "other": "ok"}, "consumers": {}},
        )
        health.drain()
        status, body = asked_of(server.port, "/readyz")
        assert (status, body["status"]) == (503, "not_ready")
        assert asked_of(server.port, "/healthz")[0] == 200
        assert asked_of(server.port, "/nothing")[0] == 404
    finally:
        server.close()


class Worker:
    """A consumer of the bus, as far as its process looks at it."""

    def __init__(self) -> None:
        self.is_alive = False
        self.last_error: OnRecordError | None = None

    def start(self) -> None:
        self.is_alive = True

    def stop(self, grace: float) -> bool:
        self.is_alive = False
        return True


def test_a_consumer_that_waits_is_told_of_and_one_that_has_ended_is_not_ready() -> None:
    """R-45: what keeps a consumer is for a person to read; calls are answered all the same, or one
    plane that is away would take every search with it.
    """
    worker, health = Worker(), Health({})
    part = WorkerPart("the consumer of crops", worker)
    health.watch([part])
    health.opened()
    part.start()
    server = HealthServer("127.0.0.1:0", health)
    server.start()

    def told() -> tuple[int, object]:
        status, body = asked_of(server.port, "/readyz")
        return status, body["consumers"]

    try:
        assert told() == (200, {"the consumer of crops": "ok"})
        worker.last_error = OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "a secret in the text")
        assert told() == (200, {"the consumer of crops": "plane_unavailable"})
        worker.last_error = None
        assert told() == (200, {"the consumer of crops": "ok"})
        worker.is_alive = False
        assert told() == (503, {"the consumer of crops": "ended"})
        assert asked_of(server.port, "/healthz")[0] == 200
        part.ask_to_stop()
        assert told() == (200, {"the consumer of crops": "ok"}), "asked to, it may end"
    finally:
        server.close()


def test_upkeep_comes_round_again_after_it_failed() -> None:
    done = threading.Event()
    turns: list[int] = []

    def work() -> None:
        turns.append(len(turns))
        if len(turns) == 1:
            raise OSError("once")
        done.set()

    job = Periodic("upkeep", work, 0.01)
    job.start()
    assert done.wait(WAIT)
    job.ask_to_stop()
    assert job.wait(WAIT)
    assert not job.failed()
    assert len(turns) >= 2


def test_upkeep_that_is_at_work_finishes() -> None:
    begun, go_on = threading.Event(), threading.Event()
    finished: list[float] = []

    def work() -> None:
        begun.set()
        assert go_on.wait(WAIT)
        finished.append(time.monotonic())

    job = Periodic("upkeep", work, 60)
    job.start()
    assert begun.wait(WAIT)
    job.ask_to_stop()
    assert not job.wait(0)
    go_on.set()
    assert job.wait(WAIT)
    assert len(finished) == 1
