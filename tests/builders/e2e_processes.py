"""The services apart, for tests that know them by what they show the world: `Installation`."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from onrecord.audit.core.witnessing import Witnessing
from onrecord.chassis.lifecycle import StopSignals
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.lock import exclusive
from onrecord.standalone.places import in_folder
from onrecord.standalone.plan import TWO_PLANES, ProcessPlan, plan
from onrecord.standalone.supervisor import Running, Supervisor
from tests.builders.e2e_server import STOP_SECONDS, Installation, installation_of


@dataclass(frozen=True, slots=True)
class Processes:
    """Six processes: the five services, vector search twice."""

    data: Path
    plans: tuple[ProcessPlan, ...]
    supervisor: Supervisor
    address: str

    @property
    def installation(self) -> Installation:
        return installation_of(self.data, self.address)

    def named(self, name: str) -> Running:
        return next(one for one in self.supervisor.running if one.plan.name == name)

    def stop_one(self, name: str) -> int:
        """SIGTERM to one of them; its exit status."""
        process = self.named(name).process
        process.send_signal(signal.SIGTERM)
        return process.wait(STOP_SECONDS)

    def kill_one(self, name: str) -> None:
        """SIGKILL: no chance to do anything more."""
        process = self.named(name).process
        process.kill()
        process.wait()

    def start_again(self, name: str) -> None:
        """The same process once more, ready when this returns."""
        self.supervisor.start_again(name, StopSignals())

    @property
    def metrics(self) -> Sequence[str]:
        """Where each of them tells its metrics."""
        return tuple(f"http://{one.health}/metrics" for one in self.plans)

    @property
    def logs(self) -> Sequence[Path]:
        return tuple(one.log for one in self.plans)


@contextmanager
def running_processes(
    data: Path,
    models: Path,
    otlp: str = "",
    between: Callable[[Sequence[ProcessPlan]], None] = lambda _: None,
    witnessing: Witnessing | None = None,
) -> Iterator[Processes]:
    """Started and ready; stopped in order, and what did not end cleanly fails the test.

    `between`: what is done to the plans' settings before anything starts. `witnessing`: who are
    asked to cosign its ledger.
    """
    folder = DataFolder(data)
    folder.prepare()
    with exclusive(folder.lock):
        places = in_folder(folder, [one.name for one in TWO_PLANES])
        if otlp:
            places = replace(places, telemetry={"otlp_endpoint": otlp, "log_form": "json"})
        plans = plan(
            folder,
            models,
            TWO_PLANES,
            host="127.0.0.1",
            port=0,
            origin="localhost/onrecord",
            inference_threads=1,
            witnessing=witnessing,
            places=places,
        )
        between(plans)
        supervisor = Supervisor(plans)
        try:
            assert supervisor.start(StopSignals(), lambda _: None)
            address = f"http://{plans[-1].address}"
            assert httpx.get(f"{address}/readyz", timeout=30).status_code == 200
            yield Processes(data, tuple(plans), supervisor, address)
        finally:
            clean = supervisor.close()
        assert clean, "\n".join(one.log.read_text("utf-8")[-1500:] for one in plans)
