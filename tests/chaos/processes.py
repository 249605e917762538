"""The five services apart, on files, with two planes: what Python alone can start."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onrecord.chassis.lifecycle import StopSignals
from onrecord.events.topics import open_bus
from onrecord.kernel.times import SystemClock
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.plan import ProcessPlan
from onrecord.standalone.supervisor import Supervisor
from tests.builders.e2e_processes import running_processes
from tests.builders.e2e_scene import UTAH
from tests.chaos.form import Certified, Form
from tests.chaos.rewiring import Links, rewire
from tests.chaos.stage import NEVADA
from tests.chaos.wires import Wires
from tests.chaos.witnesses import witnesses

_STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ProcessTarget:
    """One of a supervisor's processes."""

    name: str
    supervisor: Supervisor

    def kill(self) -> None:
        process = self._process()
        process.kill()
        process.wait()

    def pause(self) -> None:
        os.kill(self._process().pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._process().pid, signal.SIGCONT)

    def stop(self) -> None:
        process = self._process()
        process.terminate()
        status = process.wait(_STOP_SECONDS)
        assert status == 0, f"{self.name} was asked to end, and ended with {status}"

    def start(self) -> None:
        self.supervisor.start_again(self.name, StopSignals())

    def _process(self) -> "subprocess.Popen[bytes]":
        return next(one.process for one in self.supervisor.running if one.plan.name == self.name)


def targets_of(supervisor: Supervisor) -> list[ProcessTarget]:
    return [ProcessTarget(one.plan.name, supervisor) for one in supervisor.running]


def certified(plans: Sequence[ProcessPlan]) -> list[Certified]:
    return [Certified(one.name, one.service) for one in plans]


@contextmanager
def processes(data: Path, models: Path) -> Iterator[Form]:
    """Started and ready, with a wire in each connection."""
    wires = Wires()
    links = Links(wires)
    folder = DataFolder(data)
    try:
        with (
            witnesses(folder, data.parent / "witnesses") as seen_by,
            running_processes(
                data,
                models,
                between=lambda plans: rewire(plans, seen_by.names, links),
                witnessing=seen_by.witnessing,
            ) as running,
        ):
            bus = open_bus(folder.bus, SystemClock())
            try:
                yield Form(
                    installation=running.installation,
                    addresses=[running.address],
                    targets=[*targets_of(running.supervisor), *seen_by.targets],
                    links=links,
                    bus=bus,
                    certificates=folder.certificates,
                    certified=certified(running.plans),
                    rosters={
                        UTAH: folder.plane("utah").database("roster"),
                        NEVADA: folder.plane("others").database("roster"),
                    },
                    witnesses=seen_by,
                )
            finally:
                bus.close()
    finally:
        wires.close()
