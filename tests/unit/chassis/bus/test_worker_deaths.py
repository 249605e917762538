"""A message that brings its process down, for ever: found, isolated, put aside.

Each life is a process of its own that ends in `os._exit` in the middle of the handler.
"""

import subprocess
import sys
from pathlib import Path

from tests.unit.chassis.bus.workers import WORK, open_crew

_ROOT = Path(__file__).parents[4]
_LIFE = """
import os, sys
from pathlib import Path
from tests.unit.chassis.bus.workers import done, open_crew

def decide(received):
    text = received.message.payload.decode()
    with open(sys.argv[2], "a") as tried:
        tried.write(text + "\\n")
    if text == "killer":
        os._exit(77)
    return done(received)

crew = open_crew(Path(sys.argv[1]))
worker = crew.worker(decide)
while crew.lag():
    worker.step(0.2)
worker.stop(1.0)
crew.bus.close()
"""


def live(folder: Path, tried: Path) -> int:
    """One life; its exit status, 77 where it was killed. What it tried stands in `tried`."""
    tried.unlink(missing_ok=True)
    return subprocess.run(
        [sys.executable, "-c", _LIFE, str(folder), str(tried)],
        cwd=_ROOT,
        env={"PYTHONPATH": f"{_ROOT / 'services'}:{_ROOT}"},
        timeout=60,
        check=False,
    ).returncode


def test_a_consumer_that_crashes_on_one_message_for_ever(tmp_path: Path) -> None:
    """R-22: five deaths, then a dead letter that nobody opened; its neighbours lose nothing."""
    folder, tried = tmp_path / "bus", tmp_path / "tried"
    crew = open_crew(folder)
    crew.put("a", "killer", "b", "c")
    crew.bus.close()
    lives: list[list[str]] = []
    for _ in range(12):
        status = live(folder, tried)
        lives.append(tried.read_text().split())
        if status == 0:
            break
    assert status == 0
    assert lives == [
        ["a", "killer"],
        ["a", "killer"],
        ["a", "killer"],  # by itself from here: "a" is finished and never seen again
        ["killer"],
        ["killer"],
        ["b", "c"],  # taken for dead, unopened
    ]
    crew = open_crew(folder)
    assert crew.dead() == [f"{WORK} 0 1 consumer_crashed 5"]
    assert crew.results() == ["a", "b", "c"]
    assert crew.lag() == 0
    crew.bus.close()
