"""What is done to a cluster so that its alerts have something to be about."""

import threading
from collections.abc import Callable, Sequence
from typing import Final

import sqlalchemy

from onrecord.client import ClientError, Search
from onrecord.contracts.events import GalleryChanged, SearchExecuted
from onrecord.events.messages import message_of
from onrecord.kernel.deadlines import Deadline
from tests.builders import e2e_people as people
from tests.builders.e2e_people import Person
from tests.builders.e2e_photographs import Sitter, sitters
from tests.builders.e2e_scene import UTAH, record_id
from tests.builders.witnessing import RunningWitness
from tests.chaos.stage import NEVADA
from tests.cluster.alerting import Alarmed, until

ORIGIN: Final = "localhost/onrecord"
SITTERS: Final = 3


def whom() -> Sequence[Sitter]:
    return sitters(SITTERS)


def search(cluster: Alarmed, gallery: str, by: Person | None = None, **request: object) -> Search:
    asked = people.request(galleries=[gallery], list_size=2, **request)
    with people.client(cluster.installation, by or people.investigator()) as client:
        return client.search(asked, whom()[0].probe(), idempotency_key=people.fresh_key())


def quiet(cluster: Alarmed, *names: str) -> None:
    """So that what fires afterwards fires for the reason that the test makes."""
    assert not [name for name in names if cluster.fires(name)]


def soon() -> Deadline:
    return Deadline.after(30.0)


def publish(cluster: Alarmed, event: SearchExecuted | GalleryChanged) -> None:
    publisher = cluster.bus.publisher()
    publisher.publish([message_of(event)], soon())
    publisher.close()


def cosigned(running: RunningWitness) -> int:
    return running.book.known(ORIGIN).size


def each_fails(cluster: Alarmed) -> None:
    """A search in each gallery and a deletion, side by side; nobody gets an answer that counts."""

    def delete() -> None:
        with people.client(cluster.installation, people.custodian(NEVADA)) as client:
            client.delete_record(NEVADA, record_id(NEVADA, whom()[1]))

    def trying(act: Callable[[], object]) -> None:
        try:
            act()
        except ClientError as error:
            assert error.status in (0, 503, 504), error

    acts: Sequence[Callable[[], object]] = (
        lambda: search(cluster, UTAH),
        lambda: search(cluster, NEVADA),
        delete,
    )
    threads = [threading.Thread(target=trying, args=(act,)) for act in acts]
    for one in threads:
        one.start()
    until(lambda: len(outbox(cluster)) == 3, 90.0, "what the plane could not publish")
    for one in threads:
        one.join(120.0)


def executed(*galleries: str) -> list[str]:
    return [f"search.executed {gallery}" for gallery in galleries]


def outbox(cluster: Alarmed) -> list[str]:
    """What the plane has still to publish."""
    with cluster.database(cluster.roster) as tx:
        rows = tx.execute(sqlalchemy.text("SELECT topic, key FROM outbox")).all()
    return [f"{row.topic.removeprefix('onrecord.').removesuffix('.v1')} {row.key}" for row in rows]


def lose(cluster: Alarmed, gallery: str) -> None:
    """Before anybody could read it: as a bus would that loses what it took."""
    with cluster.database(cluster.roster) as tx:
        tx.execute(sqlalchemy.text("DELETE FROM outbox WHERE key = :key"), {"key": gallery})


def ended(cluster: Alarmed, kind: str) -> int:
    return sum(one.kind == kind for one in cluster.ledger.entries())
