"""The parts of a cluster, and what OnRecord is told of each that is there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from deploy.local.cluster.folder import ClusterFolder
from deploy.local.part import Part, Place, Say
from deploy.local.parts.kafka import Kafka
from deploy.local.parts.keycloak import Keycloak
from deploy.local.parts.milvus import Milvus
from deploy.local.parts.postgres import Postgres
from deploy.local.parts.prometheus import Prometheus
from deploy.local.parts.s3 import S3
from deploy.local.parts.triton import Triton
from deploy.local.running import Running
from onrecord.chassis.development_issuer import AUDIENCE
from onrecord.chassis.key_sets import DISCOVER
from onrecord.standalone.places import Places, PlanePlaces, in_folder

VAULT, INGEST, LEDGER = "onrecord-vault", "onrecord-ingest", "onrecord-ledger"
NAMES: Final = ("postgres", "kafka", "milvus", "triton", "s3", "keycloak", "prometheus")
"""In the order of the table. Prometheus starts last: it is told of everything."""
OWN_IDENTITY: Final = tuple(name for name in NAMES if name != "keycloak")
"""With the development issuer: for whoever makes up people by the dozen."""

_Part = TypeVar("_Part", bound=Part)


def roster_of(plane: str) -> str:
    """The name of a plane's database."""
    return f"roster_{plane.replace('-', '_')}"


def chosen(names: Sequence[str], models: Path, planes: Sequence[str], kafka: Kafka) -> list[Part]:
    """The parts of those names, but for Prometheus; `kafka` as it is."""
    databases = ("ledger", "casework", *map(roster_of, planes))
    made: Mapping[str, Callable[[], Part]] = {
        "postgres": lambda: Postgres(databases),
        "kafka": lambda: kafka,
        "milvus": Milvus,
        "triton": lambda: Triton((models,)),
        "s3": lambda: S3((VAULT, INGEST, LEDGER)),
        "keycloak": Keycloak,
    }
    return [make() for name, make in made.items() if name in names]


def asking(folder: ClusterFolder) -> Mapping[str, Callable[[], bool]]:
    """Of each part that was ever started on a folder, what asks whether it answers now."""

    def asked(part: Part, ports: Mapping[str, int]) -> Callable[[], bool]:
        place = Place(Path(), folder.parts / part.name, ports)
        return lambda: part.ready(place)

    known = folder.known_ports()
    parts = [*chosen(NAMES, Path(), (), Kafka()), Prometheus()]
    return {one.name: asked(one, known[one.name]) for one in parts if one.name in known}


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts that run. What is not among them is in files, as on a laptop."""

    running: tuple[Running, ...]

    def places(self, folder: ClusterFolder, planes: Sequence[str]) -> Places:
        """Where OnRecord finds what it stands on."""
        places = in_folder(folder.services, planes)
        if found := self._found(Postgres):
            part, at = found[0], found[1].place
            places = replace(
                places,
                ledger=part.service_url(at, "ledger"),
                casework=part.service_url(at, "casework"),
                planes={
                    name: replace(one, roster=part.service_url(at, roster_of(name)))
                    for name, one in places.planes.items()
                },
            )
        if kafka := self._found(Kafka):
            places = replace(places, bus=f"kafka://{kafka[1].place.at('clients')}")
        if milvus := self._found(Milvus):
            address = f"http://{milvus[1].place.at('proxy')}"
            places = replace(
                places,
                planes={
                    name: PlanePlaces(one.roster, address) for name, one in places.planes.items()
                },
            )
        if triton := self._found(Triton):
            inference = {"inference": f"triton://{triton[1].place.at('grpc')}"}
            places = replace(places, inference=inference)
        if s3 := self._found(S3):
            places = replace(
                places,
                vault=f"s3://{VAULT}",
                ingest=f"s3://{INGEST}",
                ledger_objects=f"s3://{LEDGER}",
                objects_access={
                    "objects_endpoint": s3[0].endpoint(s3[1].place),
                    "objects_region": s3[0].region,
                    "objects_access_key": s3[0].access_key(s3[1].place),
                    "objects_secret_key": s3[0].secret_key(s3[1].place),
                },
            )
        if keycloak := self._found(Keycloak):
            tokens = {
                "token_issuer": keycloak[0].issuer(keycloak[1].place),
                "token_audience": AUDIENCE,
                "token_keys": DISCOVER,
            }
            places = replace(places, tokens=tokens)
        return places

    def prepare(self, planes: Sequence[str], say: Say) -> None:
        """Schemas and topics: what an installation needs once, made by whoever runs it."""
        if postgres := self._found(Postgres):
            _migrate(*postgres, planes, say)
        if kafka := self._found(Kafka):
            _make_topics(kafka[1].place.at("clients"), say)

    def _found(self, kind: type[_Part]) -> tuple[_Part, Running] | None:
        for one in self.running:
            if isinstance(one.part, kind):
                return one.part, one
        return None


def _migrate(part: Postgres, running: Running, planes: Sequence[str], say: Say) -> None:
    from onrecord.audit.adapters.schema import LEDGER as LEDGER_HISTORY
    from onrecord.chassis.database import open_database
    from onrecord.chassis.database.migrating import grant, migrate
    from onrecord.gateway.store.history import CASEWORK
    from onrecord.vector_search.roster.schema import ROSTER

    histories = {"ledger": LEDGER_HISTORY, "casework": CASEWORK}
    histories |= {roster_of(name): ROSTER for name in planes}
    for database, history in histories.items():
        engine = open_database(part.owner_url(running.place, database))
        try:
            standing = migrate(engine, history)
            grant(engine, history, f"{database}_service")
        finally:
            engine.dispose()
        say(f"database {database} is at step {standing.version}")


def _make_topics(brokers: str, say: Say) -> None:
    from onrecord.chassis.bus.kafka.access import KafkaAccess
    from onrecord.chassis.bus.kafka.topics import Durability, make
    from onrecord.events.kafka_topics import kafka_topics

    wanted = kafka_topics()
    made = make(KafkaAccess((brokers,)), wanted, Durability(replicas=1, in_sync=1))
    say(f"{len(wanted)} topics, {len(made)} of them made now")
