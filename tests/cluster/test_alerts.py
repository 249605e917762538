"""R-23, R-43, laws 3 and 4: each alert of the law, made to fire by its cause in a real cluster.

The tests are in the order in which one cluster can stand them: the last ones stop it. Each sees
that its alert is quiet before.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy
from pymilvus import MilvusClient

from deploy.alerts.law import LAW
from deploy.alerts.objectives import OBJECTIVES
from deploy.alerts.rule import Alert
from onrecord.audit.adapters.batch import CLOCK_LIMIT
from onrecord.client import ClientError
from onrecord.contracts.events import GalleryChanged, SearchExecuted
from onrecord.kernel.times import format_time
from onrecord.proof.checkpoint import Checkpoint, sign_checkpoint
from onrecord.proof.notes import NoteSigner
from onrecord.proof.tiles import CHECKPOINT_PATH
from tests.builders import e2e_people as people
from tests.builders.e2e_people import Person
from tests.builders.e2e_photographs import sitters
from tests.builders.e2e_scene import UTAH, enrol, open_gallery_like, record_id
from tests.builders.models import reference_repository
from tests.chaos.stage import NEVADA, set_up
from tests.cluster.alerting import CASES_OF_A_PERSON, Alarmed, alarmed_cluster, until
from tests.cluster.breaking import (
    ORIGIN,
    SITTERS,
    cosigned,
    each_fails,
    ended,
    executed,
    lose,
    outbox,
    publish,
    quiet,
    search,
    whom,
)

MASSACHUSETTS = "US-MA"
OF_THE_LAW = {rule.name for rule in LAW.rules if isinstance(rule, Alert)}
_OVERDUE = 180.0
"""A grant of a minute, a minute of grace, and what reading takes."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Alarmed]:
    with alarmed_cluster() as running:
        set_up(running.installation, reference_repository())
        for gallery in (UTAH, NEVADA):
            enrol(running.installation, gallery, whom())
        yield running


def test_a_cluster_at_work_is_quiet_but_for_what_is_true(cluster: Alarmed) -> None:
    """States' keys were pinned just now, and the witness is not there."""
    search(cluster, UTAH)
    search(cluster, NEVADA)
    cluster.until_it_fires("OnRecordAuthorityKeyChanged")
    cluster.until_it_fires("OnRecordTooFewCosignatures")
    firing = {one.name for one in cluster.firing()} & OF_THE_LAW
    assert firing == {"OnRecordAuthorityKeyChanged", "OnRecordTooFewCosignatures"}


def test_every_rule_is_evaluated(cluster: Alarmed) -> None:
    """On the series of a real cluster: no two on one side, no label that is not there."""
    found = [rule for group in cluster.prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert len(found) > 100
    assert {rule["name"]: rule.get("lastError") for rule in found if rule["health"] == "err"} == {}


def test_every_objective_is_measured(cluster: Alarmed) -> None:
    """What the rules select is what processes tell, to the last label."""
    # A rate is of what is added to what was seen: the first search must have been seen before.
    seen = 'onrecord_request_seconds_count{method="POST /v1/searches"}'
    until(lambda: cluster.prometheus.values(seen), says=seen)
    search(cluster, UTAH)
    enrol(cluster.installation, UTAH, sitters(SITTERS + 1)[SITTERS:])
    for one in OBJECTIVES:
        rate = f"{one.prefix}:total_rate5m"
        until(lambda: max(cluster.prometheus.values(rate), default=0.0) > 0, says=rate)  # noqa: B023
        assert cluster.prometheus.values(f"{one.prefix}:error_ratio_rate5m")[-1] < 1


def test_a_witness_cosigns_and_then_forgets(cluster: Alarmed) -> None:
    """R-24: its database was put back to an older copy."""
    quiet(cluster, "OnRecordWitnessDisagrees")
    first, second = cluster.root / "witness.db", cluster.root / "witness-before.db"
    with cluster.witness(first):
        until(lambda: not cluster.fires("OnRecordTooFewCosignatures"), 150.0, "it cosigns")
    shutil.copy(first, second)
    with cluster.witness(first) as running:
        size = cosigned(running)
        search(cluster, UTAH)
        until(lambda: cosigned(running) > size, 150.0, "it cosigns what came since")
    with cluster.witness(second):
        search(cluster, UTAH)
        cluster.until_it_fires("OnRecordWitnessDisagrees", 150.0)


def test_somebody_searches_milvus_directly(cluster: Alarmed) -> None:
    """R-23: the engine's own count."""
    search(cluster, UTAH)
    quiet(cluster, "OnRecordStrangeSearches")
    client = MilvusClient(uri=f"http://{cluster.address('milvus', 'proxy')}")
    try:
        (name,) = [one for one in client.list_collections() if "ut" in one.lower()]
        field = next(
            one for one in client.describe_collection(name)["fields"] if "dim" in one["params"]
        )
        face = np.random.default_rng(1).normal(size=int(field["params"]["dim"])).astype("float32")
        for _ in range(3):
            client.search(name, [(face / np.linalg.norm(face)).tolist()], limit=1)
    finally:
        client.close()
    cluster.until_it_fires("OnRecordStrangeSearches", 90.0)


def test_one_person_spreads_out(cluster: Alarmed) -> None:
    """R-9."""
    quiet(cluster, "OnRecordFanOut")
    person = people.investigator()
    for _ in range(CASES_OF_A_PERSON + 1):
        search(cluster, UTAH, by=person)
    cluster.until_it_fires("OnRecordFanOut")


def test_a_stranger_writes_to_the_ledgers_topic(cluster: Alarmed) -> None:
    """An unknown key: a receipt as a plane would sign it, under a root that is not ours."""
    quiet(cluster, "OnRecordMessageNotBelieved")
    entry = next(one for one in cluster.ledger.entries() if one.kind == "search.executed")
    stranger = cluster.rogue_plane(cluster.root / "stranger")
    publish(cluster, SearchExecuted(stranger.attest(entry.body["receipt"])))
    cluster.until_it_fires("OnRecordMessageNotBelieved")


def test_a_plane_signs_two_histories_of_its_gallery(cluster: Alarmed) -> None:
    quiet(cluster, "OnRecordGalleryChangeRefused")
    entry = next(one for one in cluster.ledger.entries() if one.kind == "gallery.enrolled")
    other = {**entry.body["change"], "time": format_time(datetime.now(UTC))}
    publish(cluster, GalleryChanged(cluster.rogue_plane().attest(other)))
    cluster.until_it_fires("OnRecordGalleryChangeRefused")


def test_object_store_and_bus_are_away_and_a_plane_is_killed(cluster: Alarmed) -> None:
    """R-22, R-23: nothing is published and nobody can say what became of the searches."""
    quiet(cluster, "OnRecordCheckpointStandsStill", "OnRecordGrantWithoutEnd")
    quiet(cluster, "OnRecordServiceAbsent")
    store, bus, plane = cluster.part("s3"), cluster.part("kafka"), cluster.process("vector-search")
    store.stop()
    bus.stop()
    each_fails(cluster)
    waits = outbox(cluster)
    assert sorted(waits) == [f"gallery.changed {NEVADA}", *executed(NEVADA, UTAH)]
    plane.kill()
    cluster.until_it_fires("OnRecordCheckpointStandsStill", 120.0)
    cluster.until_it_fires("OnRecordServiceAbsent")
    cluster.until_it_fires("OnRecordGrantWithoutEnd", _OVERDUE)
    lose(cluster, NEVADA)
    store.start()
    bus.start()
    until(lambda: ended(cluster, "search.expired") == 2, _OVERDUE, "both are called expired")
    until(lambda: not cluster.fires("OnRecordCheckpointStandsStill"), says="it is published")


def test_a_receipt_comes_when_its_search_has_ended(cluster: Alarmed) -> None:
    """Law 3: an alarm, not an end."""
    quiet(cluster, "OnRecordReceiptRefused", "OnRecordReceiptGap")
    cluster.process("vector-search").start()
    cluster.until_it_fires("OnRecordReceiptRefused", 120.0)
    (late,) = cluster.alarms("receipt")
    assert late.body["why"] == "the search of its gallery had already ended"
    until(lambda: not cluster.fires("OnRecordServiceAbsent"), says="it is there again")


def test_a_receipt_and_a_change_never_come(cluster: Alarmed) -> None:
    """R-23, law 9: those of Nevada were lost on their way; the next ones show it."""
    quiet(cluster, "OnRecordReceiptGap", "OnRecordGalleryChangeGap")
    search(cluster, NEVADA)
    cluster.until_it_fires("OnRecordReceiptGap")
    with people.client(cluster.installation, people.custodian(NEVADA)) as client:
        client.delete_record(NEVADA, record_id(NEVADA, whom()[2]))
    until(lambda: cluster.alarms("receipt_gap"), 90.0, "the ledger says so")
    cluster.until_it_fires("OnRecordGalleryChangeGap", 90.0)


def test_an_emergency_is_never_backed_by_its_warrant(cluster: Alarmed) -> None:
    """R-10. Two days are not waited for: the instant when it was due is moved."""
    quiet(cluster, "OnRecordEmergencyOverdue")
    open_gallery_like(cluster.installation, MASSACHUSETTS, MASSACHUSETTS, reference_repository())
    enrol(cluster.installation, MASSACHUSETTS, whom()[:1])
    found = search(
        cluster,
        MASSACHUSETTS,
        Person("inv-boston", "us-ma-bpd", people.investigator().roles),
        beneficiary_agency="us-ma-bpd",
        offence={"statute": "Mass. Gen. Laws c. 265, § 26", "tier": "violent_felony"},
        emergency={"facts": "A child was taken from a playground an hour ago."},
    )
    assert found.emergencies
    past = format_time(datetime.now(UTC) - timedelta(minutes=1))
    with cluster.database("ledger") as tx:
        tx.execute(sqlalchemy.text("UPDATE emergencies SET due = :past"), {"past": past})
    cluster.until_it_fires("OnRecordEmergencyOverdue")


def test_the_public_log_is_put_back(cluster: Alarmed) -> None:
    """R-24: somebody writes an older checkpoint over the newest."""
    quiet(cluster, "OnRecordPublishedLogPutBack")
    log = cluster.public_log()
    older = log.get(CHECKPOINT_PATH)
    search(cluster, UTAH)
    until(lambda: log.get(CHECKPOINT_PATH) != older, says="a newer one is published")
    log.put(CHECKPOINT_PATH, older)
    search(cluster, UTAH)
    cluster.until_it_fires("OnRecordPublishedLogPutBack")


def test_a_policy_in_force_cannot_be_read(cluster: Alarmed) -> None:
    """Law 5: somebody wrote into the database what no state has signed."""
    quiet(cluster, "OnRecordPolicyUnusable")
    with cluster.database("ledger") as tx:
        tx.execute(
            sqlalchemy.text(
                "INSERT INTO authority_bundles"
                " (digest, jurisdiction, version, entry, policy, authority, manifest, signature)"
                " VALUES (:digest, :state, 99, 0, :none, :none, :none, 'no signature')"
            ),
            {"digest": "f" * 64, "state": MASSACHUSETTS, "none": b"no policy"},
        )
        tx.execute(sqlalchemy.text("UPDATE ledger_head SET policy_epoch = policy_epoch + 1"))
    search(cluster, UTAH)
    cluster.until_it_fires("OnRecordPolicyUnusable")


def test_the_last_entry_lies_ahead_of_the_clock(cluster: Alarmed) -> None:
    """R-25: nothing is appended until that time, and then the alarm is."""
    quiet(cluster, "OnRecordLedgerClockWrong")
    ahead = format_time(datetime.now(UTC) + CLOCK_LIMIT + timedelta(seconds=20))
    with cluster.database("ledger") as tx:
        tx.execute(sqlalchemy.text("UPDATE ledger_head SET last_time = :at"), {"at": ahead})
    with pytest.raises(ClientError) as refused:
        search(cluster, UTAH)
    assert refused.value.code == "ledger_unavailable"
    cluster.until_it_fires("OnRecordLedgerClockWrong", 120.0)


def test_another_history_is_published(cluster: Alarmed) -> None:
    """Law 4: audit stops, and nobody can search."""
    quiet(cluster, "OnRecordLedgerStopped")
    other = Checkpoint(ORIGIN, 10_000, b"\1" * 32)
    note = sign_checkpoint(other, NoteSigner.generate(ORIGIN))
    cluster.public_log().put(CHECKPOINT_PATH, note.encode())
    search(cluster, UTAH)
    cluster.until_it_fires("OnRecordLedgerStopped")
    with pytest.raises(ClientError) as refused:
        search(cluster, UTAH)
    assert refused.value.code == "ledger_unavailable"


def test_all_of_them_have_fired_and_said_what_it_is(cluster: Alarmed) -> None:
    """None that is of the law was left out above; and each sentence is whole."""
    query = 'count by (alertname) (last_over_time(ALERTS{alertstate="firing"}[1h]))'
    found = cluster.prometheus.ask("query", query=query)["result"]
    assert {one["metric"]["alertname"] for one in found} >= OF_THE_LAW
    for one in cluster.firing():
        assert not [
            text for text in one.said.values() if "no value" in text or "error expanding" in text
        ]
