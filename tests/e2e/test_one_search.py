"""One search, on the record: from the photograph to the lead, or to none, over HTTP alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from onrecord.client import ClientError
from onrecord.kernel.vocabulary import (
    LEAD_STAMP,
    UNCALIBRATED,
    UNWITNESSED_STAMP,
    Conclusion,
    GalleryStatus,
    SearchStatus,
)
from onrecord.proof.checkpoint import open_checkpoint
from onrecord.proof.entry import LoggedEntry, verify_entry
from onrecord.proof.notes import NoteVerifier
from tests.builders import e2e_people as people
from tests.builders.e2e_scene import MARYLAND, STATES, UTAH, VERMONT, Drawn, Scene, judge_by

SAME, DIFFERENT, UNSURE = (
    Conclusion.SUPPORTS_SAME,
    Conclusion.SUPPORTS_DIFFERENT,
    Conclusion.INCONCLUSIVE,
)


def refused(action: Any, *arguments: Any) -> ClientError:
    """The refusal that calling `action` ends in."""
    with pytest.raises(ClientError) as raised:
        action(*arguments)
    return raised.value


def test_from_the_photograph_to_the_lead(scene: Scene, tmp_path: Path) -> None:
    """R-1, R-13 to R-16, R-20, R-21: three states answer each for itself, two people examine
    blind, one record is released, and a stranger proves all of it from the ledger.
    """
    sought = scene.enrolled[3]
    scene.drawn()
    reyes = people.investigator()
    search = scene.search(sought.probe(), by=reyes, galleries=list(STATES))

    # What each state said.
    utah, vermont, maryland = (search.gallery(name) for name in (UTAH, VERMONT, MARYLAND))
    assert utah.status is GalleryStatus.SEARCHED
    assert utah.receipt is not None
    assert vermont.status is maryland.status is GalleryStatus.REFUSED
    assert [reason.code for reason in vermont.reasons] == ["policy_forbidden"]
    assert [reason.code for reason in maryland.reasons] == ["policy_expired"]
    assert "634" in vermont.reasons[0].message
    assert "2026" in maryland.reasons[0].message
    assert search.status is SearchStatus.EXAMINING

    # Sealed until examined.
    with scene.client(reyes) as client:
        error = refused(client.leads, search.search_id)
        assert (error.status, error.code) == (409, "search_state")

    drawn = scene.drawn()
    assert len({one.who.person for one in drawn}) == 2
    assert reyes.person not in {one.who.person for one in drawn}
    first, second = drawn
    assert set(first.task.candidate_refs) == set(second.task.candidate_refs)
    assert len(first.task.candidate_refs) == 10
    with scene.client(first.who) as client:
        assert client.probe(first.task.task_id)[:2] == b"\xff\xd8"
    for one in drawn:
        scene.examine(one, judge_by(sought.portrait))

    with scene.client(reyes) as client:
        assert client.get_search(search.search_id).status is SearchStatus.RELEASED
        leads = client.leads(search.search_id)
        again = client.leads(search.search_id)
    assert [lead.record_id for lead in leads.leads] == [scene.record_id(sought)]
    assert leads.leads == again.leads
    assert leads.stamps == (LEAD_STAMP, UNWITNESSED_STAMP)
    assert leads.threshold == UNCALIBRATED
    assert leads.models == (utah.model_id,)
    assert leads.probe_sha256 == search.probe_sha256
    assert leads.probe_quality
    assert [one.status for one in leads.galleries] == [one.status for one in search.galleries]

    # Every step is an entry, in this order.
    kinds = scene.ledger.kinds(search.search_id)
    assert kinds == [
        "request.granted",
        "search.executed",
        "look.granted",  # the probe, once more than needed
        *["look.granted"] * 11,
        "examination.decided",
        *["look.granted"] * 11,
        "examination.decided",
        "lead.released",
    ]
    assert kinds.index("lead.released") == len(kinds) - 1
    everything = {one.kind for one in scene.ledger.entries()}
    assert {"key.changed", "model.activated", "policy.activated", "gallery.enrolled"} <= everything

    check_that_it_verifies(scene, tmp_path)


def check_that_it_verifies(scene: Scene, folder: Path) -> None:
    """R-20, R-24: from the folder, and over the public address; not with a byte changed."""
    exported = scene.ledger.export(folder / "ledger")
    done = scene.ledger.verify(exported)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All of it holds." in done.stdout
    assert "was not checked" not in done.stdout

    over_http = scene.ledger.verify_command(f"{scene.installation.address}/ledger")
    assert over_http.returncode == 0, over_http.stdout + over_http.stderr

    bundle = max((exported / "tile" / "entries").rglob("*"), key=lambda one: one.is_file())
    changed = bytearray(bundle.read_bytes())
    changed[len(changed) // 2] ^= 1
    bundle.write_bytes(bytes(changed))
    found = scene.ledger.verify(exported)
    assert found.returncode == 1
    assert "FALSE" in found.stdout


def test_the_receipt_proves_the_request_by_itself(scene: Scene) -> None:
    """Law 1: what the investigator is given is the entry, with its proof, under a public key."""
    search = scene.search(scene.enrolled[0].probe())
    key = NoteVerifier.parse(scene.installation.ledger_key.read_text("utf-8").strip())
    entry = LoggedEntry.from_json(dict(search.receipt.document))
    said = verify_entry(entry, key).body
    assert said["search_id"] == search.search_id
    assert said["probe_sha256"] == search.probe_sha256
    assert open_checkpoint(entry.checkpoint, key).checkpoint.size > entry.index


def test_all_states_refuse(scene: Scene) -> None:
    """R-1, R-21: a search exists, refused, with reasons; and nobody looked at anything."""
    scene.drawn()
    search = scene.search(scene.enrolled[0].probe(), galleries=[VERMONT, MARYLAND])
    assert search.status is SearchStatus.REFUSED
    assert [one.status for one in search.galleries] == [GalleryStatus.REFUSED] * 2
    assert scene.ledger.kinds(search.search_id) == ["request.refused"]
    assert scene.drawn() == []


def examined(scene: Scene, decide: Sequence[Sequence[Conclusion]]) -> tuple[Any, list[Drawn]]:
    """A search over which the first examiner decides as `decide[0]` says, the second as
    `decide[1]`, on the candidates in the same order; undecided ones are different.
    """
    scene.drawn()
    reyes = people.investigator()
    search = scene.search(scene.enrolled[1].probe(1), by=reyes)
    drawn = scene.drawn()
    candidates = sorted(drawn[0].task.candidate_refs)
    for one, conclusions in zip(drawn, decide, strict=True):
        wanted = dict(zip(candidates, conclusions, strict=False))
        scene.decide(one, [wanted.get(ref, DIFFERENT) for ref in one.task.candidate_refs])
    with scene.client(reyes) as client:
        ended = client.get_search(search.search_id)
        assert refused(client.leads, search.search_id).code == "search_state"
    return ended, drawn


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ([], [], "no candidate is supported by both examiners"),
        ([SAME], [UNSURE], "no candidate is supported by both examiners"),
        ([SAME, DIFFERENT], [SAME, SAME], "opposite conclusions"),
        ([SAME, SAME, SAME], [SAME, SAME, SAME], "more candidates were supported"),
    ],
    ids=["nobody", "one-alone", "opposite", "three"],
)
def test_no_lead(
    scene: Scene, first: list[Conclusion], second: list[Conclusion], reason: str
) -> None:
    """R-14, R-15, R-29: without two who support the same, nothing is released, and what was
    looked at is gone.
    """
    ended, drawn = examined(scene, (first, second))
    assert ended.status is SearchStatus.NO_LEAD
    *_, last = scene.ledger.of_search(ended.search_id)
    assert last.kind == "search.closed"
    assert last.body["outcome"] == "no_lead"
    assert reason in last.body["reason"]
    for one in drawn:
        with scene.client(one.who) as client:
            task, ref = one.task.task_id, one.task.candidate_refs[0]
            assert refused(client.probe, task).status == 409
            assert refused(client.portrait, task, ref).status == 409
            assert client.task(task).candidate_refs == ()
    # Refused looks are no looks: each saw the probe and every candidate, once.
    looks = scene.ledger.kinds(ended.search_id).count("look.granted")
    assert looks == sum(1 + len(one.task.candidate_refs) for one in drawn)


def test_two_leads_at_most(scene: Scene) -> None:
    """R-15: two candidates that both support are both released, in the state's own numbers."""
    scene.drawn()
    reyes = people.investigator()
    search = scene.search(scene.enrolled[2].probe(1), by=reyes)
    drawn = scene.drawn()
    wanted = set(sorted(drawn[0].task.candidate_refs)[:2])
    for one in drawn:
        scene.decide(one, [SAME if ref in wanted else DIFFERENT for ref in one.task.candidate_refs])
    with scene.client(reyes) as client:
        leads = client.leads(search.search_id).leads
    assert {lead.candidate_ref for lead in leads} == wanted
    assert {lead.record_id for lead in leads} <= {scene.record_id(one) for one in scene.enrolled}
    assert len({lead.record_id for lead in leads}) == 2


def test_what_is_public_needs_no_token(scene: Scene) -> None:
    """R-28: the policies in force and the ledger's checkpoint."""
    with httpx.Client(base_url=scene.installation.address) as public:
        policies = public.get("/v1/policies").json()["policies"]
        assert {one["gallery"] for one in policies} >= set(STATES)
        assert all(one["legal_review"] == "required" for one in policies)
        assert public.get("/ledger/checkpoint").status_code == 200
        assert public.get("/v1/galleries").status_code == 401
