"""A cluster at work: all of it, or none."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from deploy.local.cluster.folder import ClusterFolder
from deploy.local.cluster.parts import OWN_IDENTITY, Parts, chosen
from deploy.local.part import Part, Say
from deploy.local.parts.kafka import Kafka
from deploy.local.parts.milvus import Milvus
from deploy.local.parts.prometheus import Prometheus, Scraped
from deploy.local.parts.triton import Triton
from deploy.local.running import POLL_SECONDS, Running
from onrecord.audit.core.witnessing import Witnessing
from onrecord.chassis.lifecycle import StopSignals
from onrecord.kernel.vocabulary import Service
from onrecord.standalone.places import Settings
from onrecord.standalone.plan import TWO_PLANES, PlanePlan, ProcessPlan, plan
from onrecord.standalone.supervisor import Supervisor

_START_SECONDS: Final = 300.0
_TOLD_SECONDS: Final = 15.0
_RULES: Final = Path(__file__).resolve().parents[2] / "helm" / "onrecord" / "files" / "rules"
_NAMESPACE: Final = "local"
_METRICS: Final = {Milvus: "metrics", Triton: "metrics"}
"""The ports at which parts tell their own metrics."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a cluster is to be. `parts` by name; what is left out is in files. `replicas` of each
    service, of each plane too. `port`: the first gateway's; 0: that of the last start, or a free
    one. `models`: the repository that Triton and the services serve. `between`: what is done to the
    processes' settings before any of them starts. `rules`: what Prometheus computes and alerts on.
    `otlp`: the collector that spans are sent to; empty: none. `log_form`: as the setting has it.
    `witnessing`: who are asked to cosign its ledger. `searches`: how many each gateway works on at
    once; 0: its share of what the machine's processors can.
    """

    models: Path
    tools: Path
    parts: tuple[str, ...] = OWN_IDENTITY
    planes: tuple[PlanePlan, ...] = TWO_PLANES
    replicas: int = 2
    port: int = 0
    origin: str = "localhost/onrecord"
    inference_threads: int = 1
    kafka: Kafka = field(default_factory=Kafka)
    between: Callable[[Sequence[ProcessPlan]], None] = lambda _: None
    rules: tuple[Path, ...] = field(default_factory=lambda: tuple(sorted(_RULES.glob("*.yaml"))))
    otlp: str = ""
    log_form: str = "text"
    witnessing: Witnessing = field(default_factory=Witnessing)
    searches: int = 0

    @property
    def plane_names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.planes)

    @property
    def telemetry(self) -> Settings:
        return {"otlp_endpoint": self.otlp, "log_form": self.log_form}


class Cluster:
    """Parts and services on one folder. `close` is repeatable, and ends what was started."""

    def __init__(self, folder: ClusterFolder, wanted: Wanted, say: Say) -> None:
        self.folder = folder
        self.wanted = wanted
        self._say = say
        self._parts: list[Running] = []
        self._services = Supervisor(())
        self.plans: tuple[ProcessPlan, ...] = ()

    @property
    def parts(self) -> tuple[Running, ...]:
        return tuple(self._parts)

    @property
    def services(self) -> Supervisor:
        return self._services

    @property
    def gateways(self) -> list[str]:
        """The base URL of each gateway."""
        return [f"http://{one.address}" for one in self.plans if one.service is Service.GATEWAY]

    def part(self, name: str) -> Running:
        return next(one for one in self._parts if one.part.name == name)

    def start(self, signals: StopSignals) -> bool:
        """Install what lacks, start everything, wait until it is ready; False where it was asked
        to stop first.

        Raises InstallError, PartError, or OnRecordError where one of the services ends.
        """
        self.folder.prepare()
        wanted = self.wanted
        parts = chosen(wanted.parts, wanted.models, wanted.plane_names, wanted.kafka)
        with_prometheus = Prometheus().name in wanted.parts
        for part in [*parts, *([Prometheus()] if with_prometheus else [])]:
            part.install(wanted.tools, self._say)
        if signals.asked or not self._start_parts(parts, signals):
            return False
        there = Parts(self.parts)
        there.prepare(wanted.plane_names, self._say)
        places = there.places(self.folder, wanted.plane_names)
        places = replace(places, telemetry=wanted.telemetry)
        self.plans = tuple(
            plan(
                self.folder.services,
                wanted.models,
                wanted.planes,
                host="127.0.0.1",
                port=wanted.port or self.folder.ports("gateway", ("http",))["http"],
                origin=wanted.origin,
                inference_threads=wanted.inference_threads,
                witnessing=wanted.witnessing,
                places=places,
                replicas=wanted.replicas,
                searches=wanted.searches,
            )
        )
        wanted.between(self.plans)
        self._services = Supervisor(self.plans, _START_SECONDS)
        self._say(f"starting {len(self.plans)} processes of OnRecord")
        if not self._services.start(signals, self._say):
            return False
        self.folder.services.address.write_text(self.gateways[0] + "\n", "utf-8")
        if with_prometheus:
            watching = Prometheus(tuple(self._scraped()), wanted.rules)
            return self._start_parts([watching], signals)
        return True

    def ended(self) -> str | None:
        """What has ended by itself: its name, and the end of what it said."""
        for part in self._parts:
            if part.ended():
                return f"{part.part.name} ended; {part.tail()}"
        for one in self._services.running:
            if one.ended():
                return f"{one.plan.name} ended with {one.process.returncode}; see {one.plan.log}"
        return None

    def close(self) -> bool:
        """Stop everything, those that call before those that are called; whether the services
        ended cleanly.
        """
        self.folder.services.address.unlink(missing_ok=True)
        clean = self._services.close(self._say)
        while self._parts:
            part = self._parts.pop()
            part.close()
            self._say(f"{part.part.name} has ended")
        return clean

    def _start_parts(self, parts: Sequence[Part], signals: StopSignals) -> bool:
        """All at once: each takes its time on its own. False where it was asked to stop first."""
        began = told = time.monotonic()
        waiting = [Running(one, self.folder.place(one, self.wanted.tools)) for one in parts]
        for one in waiting:
            self._parts.append(one)
            one.begin()
        while waiting:
            for one in tuple(waiting):
                if one.came():
                    waiting.remove(one)
                    told = time.monotonic()
                    after = f"after {told - began:.1f} s"
                    self._say(f"{one.part.name} {one.part.version} is ready {after}")
            now = time.monotonic()
            if waiting and now - began > _START_SECONDS:
                raise waiting[0].late(_START_SECONDS)
            if waiting and now - told > _TOLD_SECONDS:
                told = now
                late = ", ".join(one.part.name for one in waiting)
                self._say(f"waiting for {late}: {now - began:.0f} s so far")
            if waiting and signals.wait(POLL_SECONDS):
                return False
        return True

    def _scraped(self) -> Iterator[Scraped]:
        for one in self.plans:
            plane = {"plane": str(one.settings["plane"])} if "plane" in one.settings else {}
            yield Scraped(one.service.value, one.health, labels=_labels(one.name) | plane)
        for part in self._parts:
            port = _METRICS.get(type(part.part))
            if port is not None:
                yield Scraped(part.part.name, part.place.at(port), labels=_labels(part.part.name))


def _labels(process: str) -> dict[str, str]:
    """What Kubernetes would say of a process, so that dashboards and alerts are the same ones."""
    return {"namespace": _NAMESPACE, "pod": process}
