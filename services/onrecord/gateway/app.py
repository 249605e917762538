"""The gateway put together from what it is given. The only place that builds its parts."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random, SystemRandom

from fastapi import FastAPI
from sqlalchemy import Engine

from onrecord.chassis.bus.measured import lag_reading
from onrecord.chassis.bus.ports import Bus
from onrecord.chassis.bus.worker import Worker
from onrecord.chassis.database import reachable
from onrecord.chassis.objects import ObjectStore
from onrecord.chassis.pools import CarryingPool
from onrecord.chassis.sealing import SymmetricSeal
from onrecord.chassis.telemetry import Reading
from onrecord.chassis.throttle import Foreground, Unthrottled
from onrecord.chassis.tokens import TokenVerifier
from onrecord.clients.transport_keys import PlanesKeys
from onrecord.contracts.audit import Audit
from onrecord.contracts.detection import FaceDetection
from onrecord.contracts.embedding import FaceEmbedding
from onrecord.contracts.vector_search import Plane
from onrecord.gateway import http
from onrecord.gateway.administration import Administration, ModelFacts
from onrecord.gateway.callers import Callers
from onrecord.gateway.consumer import GROUP, PROJECTED_TOPICS
from onrecord.gateway.custody import Custody
from onrecord.gateway.drawing import ExaminerDraw
from onrecord.gateway.emergencies import Emergencies
from onrecord.gateway.endings import Endings
from onrecord.gateway.examinations import Examinations
from onrecord.gateway.fan_out import FanOut
from onrecord.gateway.foretelling import Foretelling
from onrecord.gateway.forgetting import Forgetting
from onrecord.gateway.gallery_side import GalleryParts, build_gallery_side
from onrecord.gateway.http import emergencies as emergency_routes
from onrecord.gateway.http import events as event_routes
from onrecord.gateway.http import examinations as examination_routes
from onrecord.gateway.http import galleries as gallery_routes
from onrecord.gateway.http import health as health_routes
from onrecord.gateway.http import ledger as ledger_routes
from onrecord.gateway.http import problems
from onrecord.gateway.http import searches as search_routes
from onrecord.gateway.http.boundary import RequestBoundary
from onrecord.gateway.http.desk import Desk
from onrecord.gateway.http.health import Check, Readiness
from onrecord.gateway.http.openapi import DescribedApp
from onrecord.gateway.leads import Leads
from onrecord.gateway.ledger import PublicLedger
from onrecord.gateway.letters import LetterReader
from onrecord.gateway.limits import Limits
from onrecord.gateway.measured import (
    casework_reading,
    measured_audit,
    measured_detection,
    measured_embedding,
    measured_planes,
)
from onrecord.gateway.news import News
from onrecord.gateway.opening import SearchOpener
from onrecord.gateway.planes import PlaneDirectory
from onrecord.gateway.recovery import Recovery
from onrecord.gateway.searches import Searches
from onrecord.gateway.settling import Settling
from onrecord.gateway.store import open_casework
from onrecord.gateway.store.galleries import open_gallery_store
from onrecord.kernel.times import Clock, SystemClock
from onrecord.kernel.writepoints import WritePoint, unobserved

_INTAKE_THREADS = 8
"""Portraits sealed and stored side by side: most of that is waiting for the disk."""


@dataclass(frozen=True, slots=True)
class GatewayParts:
    """Everything a gateway is made of.

    `database` is the schema `casework`; `vault` takes sealed portraits, `ingest` their copies for
    the way, and `bus` tells how far they are; `ledger_objects` is where audit publishes tiles and
    checkpoint. `models` maps a `model_id` to its facts. `checks` are asked by `/readyz`, beside the
    database. `homes`: the plane on which a gallery is made, where it is not the first.
    """

    audit: Audit
    detection: FaceDetection
    embedding: FaceEmbedding
    planes: Mapping[str, Plane]
    tokens: TokenVerifier
    database: Engine
    casework_key: SymmetricSeal
    vault: ObjectStore
    ingest: ObjectStore
    ledger_objects: ObjectStore
    models: Mapping[str, ModelFacts]
    bus: Bus
    checks: Mapping[str, Check] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    chance: Random = field(default_factory=SystemRandom)
    limits: Limits = field(default_factory=Limits)
    foreground: Foreground = field(default_factory=Unthrottled)
    reached: WritePoint = unobserved
    homes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway ready to be served. `app` recovers on start and closes on stop; `workers` are the
    caller's to start and stop, and `forgetting` the caller's to run from time to time.
    """

    app: FastAPI
    readiness: Readiness
    recovery: Recovery
    forgetting: Forgetting
    workers: tuple[Worker | LetterReader, ...]
    readings: tuple[Reading, ...] = ()


def build_gateway(parts: GatewayParts) -> Gateway:
    """Wire the use-cases and the routes. Makes the tables where there are none."""
    parts = replace(
        parts,
        audit=measured_audit(parts.audit),
        detection=measured_detection(parts.detection),
        embedding=measured_embedding(parts.embedding),
        planes=measured_planes(parts.planes),
    )
    store = open_casework(parts.database, parts.clock)
    planes = PlaneDirectory(parts.planes, parts.homes)
    custody = Custody(parts.casework_key)
    executor = CarryingPool(parts.limits.fan_out, thread_name_prefix="fan-out")
    keeper = CarryingPool(parts.limits.searches, thread_name_prefix="keeper")
    foretellers = CarryingPool(parts.limits.searches, thread_name_prefix="foretelling")
    limits, reached, clock = parts.limits, parts.reached, parts.clock

    draw = ExaminerDraw(store, custody, clock, parts.chance, reached)
    endings = Endings(audit=parts.audit, store=store, clock=clock, reached=reached)
    settling = Settling(
        audit=parts.audit,
        store=store,
        draw=draw,
        endings=endings,
        clock=clock,
        limits=limits,
        reached=reached,
    )
    searches = Searches(
        opener=SearchOpener(
            audit=parts.audit, store=store, keeper=keeper, clock=clock, reached=reached
        ),
        detection=parts.detection,
        embedding=parts.embedding,
        foretelling=Foretelling(planes, foretellers, limits.searches if limits.foretold else 0),
        fan_out=FanOut(planes, executor, limits, reached),
        store=store,
        custody=custody,
        draw=draw,
        endings=endings,
        settling=settling,
        foreground=parts.foreground,
        limits=limits,
        reached=reached,
    )
    examinations = Examinations(
        audit=parts.audit,
        planes=planes,
        store=store,
        custody=custody,
        draw=draw,
        settling=settling,
        clock=clock,
        limits=limits,
        reached=reached,
    )
    intake = CarryingPool(_INTAKE_THREADS, thread_name_prefix="intake")
    galleries = open_gallery_store(parts.database, store.events, clock)
    gallery_side = build_gallery_side(
        GalleryParts(
            planes=planes,
            keys=PlanesKeys(tuple(parts.planes.values())),
            vault=parts.vault,
            ingest=parts.ingest,
            bus=parts.bus,
            store=galleries,
            executor=intake,
            foreground=parts.foreground,
            clock=clock,
            limits=limits,
            reached=reached,
        )
    )
    administration = Administration(
        audit=parts.audit, planes=planes, models=parts.models, limits=limits, reached=reached
    )
    leads = Leads(audit=parts.audit, planes=planes, searches=searches, limits=limits)
    emergencies = Emergencies(audit=parts.audit, clock=clock, limits=limits)
    ledger = PublicLedger(audit=parts.audit, objects=parts.ledger_objects, limits=limits)
    recovery = Recovery(settling)
    forgetting = Forgetting(
        events=store.events,
        galleries=galleries,
        seals=gallery_side.seals,
        clock=clock,
        limits=limits,
    )
    readiness = Readiness({"database": lambda: reachable(parts.database), **parts.checks})
    desk = Desk(Callers(parts.tokens), limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await desk.run(recovery.run)
        yield
        readiness.drain()
        desk.close()
        keeper.shutdown(wait=True)
        foretellers.shutdown(wait=True)
        executor.shutdown(wait=True)
        intake.shutdown(wait=True)

    app = DescribedApp(
        title="OnRecord gateway",
        version="1",
        description=http.DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    for routes in (
        search_routes.router(desk, searches, leads, emergencies),
        emergency_routes.router(desk, emergencies),
        examination_routes.router(desk, examinations),
        gallery_routes.router(desk, administration),
        *gallery_side.routers(desk),
        ledger_routes.router(desk, ledger),
        event_routes.router(desk, News(store.events, limits.waiting), readiness),
        health_routes.router(desk, readiness),
    ):
        app.include_router(routes)
    problems.install(app)
    app.add_middleware(RequestBoundary, chance=parts.chance)
    workers = (gallery_side.worker, gallery_side.letters)
    readings = (
        casework_reading(parts.database, clock),
        lag_reading(parts.bus, GROUP, PROJECTED_TOPICS),
        desk.rooms.reading,
    )
    return Gateway(app, readiness, recovery, forgetting, workers, readings)
