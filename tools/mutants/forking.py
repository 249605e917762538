"""Runs mutants in forks of one pytest session that has collected every test once (a plugin).

mutmut would collect again for each mutant, which takes longer than the tests. Here each mutant runs
its tests with the one first that killed the function's last mutant, then by how long they take.
Started in mutmut's folder `mutants`, where mutmut has made the mutants; verdicts are written there.
"""

import json
import os
import signal
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from mutmut.mutation import trampoline

_SURVIVED, _KILLED, _TIMED_OUT, _NO_TESTS, _SUSPICIOUS = 0, 1, 24, 33, 35
_SAVED_EVERY = 5.0


class _Session:
    """The collected tests, which of them reach which function, and how long each takes."""

    def __init__(self, session: pytest.Session) -> None:
        self._items = session.items
        self._state = session._setupstate
        self.reached_by: dict[str, set[int]] = defaultdict(set)
        self.seconds: list[float] = []
        self.kills: dict[tuple[str, int], int] = defaultdict(int)

    def measure(self) -> None:
        """Run every test on the code as it is. `SystemExit` where one fails."""
        at = 0
        trampoline.record_trampoline_hit = lambda name, **_: self.reached_by[name].add(at)  # type: ignore
        trampoline.set_mutant_under_test("stats")
        for at in range(len(self._items)):
            began = time.monotonic()
            if self._fails(at, (at + 1) % len(self._items)):
                raise SystemExit(f"fails without a mutant: {self._items[at].nodeid}")
            self.seconds.append(time.monotonic() - began)
        trampoline.set_mutant_under_test("")

    def judge(self, mutant: str) -> int:
        """mutmut's number for what became of a mutant."""
        function = mutant.rpartition("__mutmut_")[0]
        tests = sorted(
            self.reached_by.get(function, ()),
            key=lambda at: (-self.kills[function, at], self.seconds[at]),
        )
        if not tests:
            return _NO_TESTS
        told, tells = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(told)
            self._run(mutant, tests, tells)
        os.close(tells)
        # A loop that does not end takes the processor's time; a busy machine takes other time.
        status = _wait(child, 15 + 6 * sum(self.seconds[at] for at in tests))
        by = os.read(told, 32).decode()
        os.close(told)
        if status is None:
            return _TIMED_OUT
        code = os.waitstatus_to_exitcode(status)
        if code == _KILLED and by:
            self.kills[function, int(by)] += 1
        return code if code in (_KILLED, _SURVIVED) else _SUSPICIOUS

    def _run(self, mutant: str, tests: Sequence[int], tells: int) -> None:
        code = _SUSPICIOUS
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            trampoline.set_mutant_under_test(mutant)
            self._state.teardown_exact(self._items[tests[0]])
            code = _SURVIVED
            for n, at in enumerate(tests):
                if self._fails(at, tests[n + 1] if n + 1 < len(tests) else at):
                    os.write(tells, str(at).encode())
                    code = _KILLED
                    break
        finally:
            os._exit(code)

    def _fails(self, at: int, then: int) -> bool:
        reports = runtestprotocol(self._items[at], log=False, nextitem=self._items[then])
        return any(report.failed for report in reports)


def _wait(child: int, seconds: float) -> int | None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Instead of the tests: the tests of every mutant that has no verdict yet."""
    metas = {path: json.loads(path.read_text("utf-8")) for path in Path("src").rglob("*.meta")}
    wanted = [
        (path, name)
        for path, told in sorted(metas.items())
        for name, code in told["exit_code_by_key"].items()
        if code is None
    ]
    whole = _Session(session)
    if wanted:
        whole.measure()
    saved = time.monotonic()
    for n, (path, name) in enumerate(wanted, 1):
        metas[path]["exit_code_by_key"][name] = whole.judge(name)
        last_of_file = n == len(wanted) or wanted[n][0] != path
        if last_of_file or time.monotonic() - saved > _SAVED_EVERY:
            path.write_text(json.dumps(metas[path], indent=4), "utf-8")
            saved = time.monotonic()
            os.write(2, f"\r{n} of {len(wanted)} mutants: {path.name}   ".encode())
    return True
