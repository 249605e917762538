"""The gateway over the real audit service and the real plane: a gallery, a search, a lead.

Only the two services that need models are stood in for: they sign what they hand on, as the real
ones do, since the plane believes nothing else. An image here is a person's number.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onrecord.client import ClientError, Decision, OnRecordClient
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.vocabulary import Conclusion, GalleryStatus, Role, SearchStatus
from onrecord.proof.checkpoint import open_checkpoint
from onrecord.proof.entry import LoggedEntry, verify_entry
from onrecord.proof.story import story_checks
from onrecord.proof.verify import base_checks, verify_ledger
from tests.builders.audit import REQUEST
from tests.builders.real_parts import NO_FACE, Installation, installed


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path) as made:
        yield made


def kinds_once_told(installation: Installation, executed: int) -> list[str]:
    """The kinds of all entries, once the bus has brought so many receipts to the ledger."""
    auditor = installation.client(installation.audit.token("ada", Role.AUDITOR))
    patience = Deadline.after(60)
    while True:
        kinds = [json.loads(one.body)["kind"] for one in auditor.bodies()]
        if kinds.count("search.executed") >= executed or not patience.remaining():
            return kinds
        installation.audit.running.ledger.wait_for_append(0.2)


def verify_everything(installation: Installation) -> int:
    """The whole ledger, as anyone would, from what the gateway gives out; how many bodies.

    As it stood at one checkpoint: receipts that the bus brings meanwhile belong to a later one.
    """
    installation.audit.running.ledger.publish()  # otherwise it follows in its own time
    public = OnRecordClient("http://testserver", None, installation.http)
    auditor = installation.client(installation.audit.token("ada", Role.AUDITOR))
    note = public.checkpoint()
    size = open_checkpoint(note, installation.audit.signer.verifier).checkpoint.size
    bodies = [(one.index, one.nonce, one.body) for one in auditor.bodies() if one.index < size]

    def fetch(path: str) -> bytes:
        return note.encode() if path == "checkpoint" else public.tile(path)

    report = verify_ledger(
        fetch,
        installation.audit.signer.verifier,
        bodies=bodies,
        body_checks=[*base_checks(), *story_checks(installation.verifier)],
    )
    assert report.bodies == len(bodies)
    return len(bodies)


def test_from_a_gallery_to_a_lead_verified_from_the_ledger_alone(
    installation: Installation,
) -> None:
    """Issue 3: the spine. One state allows, one has no policy; two examiners; one lead."""
    installation.open_gallery("US-UT", range(6))
    requester = installation.requester()
    request = {**REQUEST, "galleries": ["US-UT", "US-VT"]}
    search = requester.search(request, b"probe of 4", idempotency_key="one")
    assert search.gallery("US-UT").status is GalleryStatus.SEARCHED, search
    assert search.gallery("US-VT").status is GalleryStatus.REFUSED
    entry = LoggedEntry.from_json(dict(search.receipt.document))
    assert verify_entry(entry, installation.audit.signer.verifier).kind == "request.granted"

    examiners = [installation.examiner(person) for person in ("lee", "ray")]
    for one in examiners:
        one.join_examiners()
    kinds_once_told(installation, executed=1)
    for one in examiners:
        (task_id,) = [summary.task_id for summary in one.tasks()]
        task = one.task(task_id)
        assert one.probe(task_id) == b"probe of 4"
        decisions = []
        for reference in task.candidate_refs:
            same = one.portrait(task_id, reference) == b"portrait of 4"
            verdict = Conclusion.SUPPORTS_SAME if same else Conclusion.SUPPORTS_DIFFERENT
            decisions.append(Decision(reference, verdict, ("ears",), 30))
        one.decide(task_id, "morphological_analysis", decisions)

    assert requester.get_search(search.search_id).status is SearchStatus.RELEASED
    leads = requester.leads(search.search_id)
    assert [lead.record_id for lead in leads.leads] == ["US-UT-000004"]
    assert leads.stamps == ("INVESTIGATIVE LEAD ONLY", "UNWITNESSED")
    assert verify_everything(installation) > 20


def test_without_agreement_the_ledger_says_closed(installation: Installation) -> None:
    """R-15, R-29."""
    installation.open_gallery("US-UT", range(4))
    requester = installation.requester()
    search = requester.search(REQUEST, b"probe of 2", idempotency_key="one")
    for person in ("lee", "ray"):
        installation.examiner(person).join_examiners()
    kinds_once_told(installation, executed=1)
    for person in ("lee", "ray"):
        one = installation.examiner(person)
        (task,) = [one.task(summary.task_id) for summary in one.tasks()]
        one.probe(task.task_id)
        for reference in task.candidate_refs:
            one.portrait(task.task_id, reference)
        decisions = [
            Decision(reference, Conclusion.INCONCLUSIVE, ("too dark",), 5)
            for reference in task.candidate_refs
        ]
        one.decide(task.task_id, "morphological_analysis", decisions)
    assert requester.get_search(search.search_id).status is SearchStatus.NO_LEAD
    with pytest.raises(ClientError) as caught:
        requester.leads(search.search_id)
    assert caught.value.code == "search_state"
    verify_everything(installation)


def test_a_probe_without_a_face_ends_its_grant(installation: Installation) -> None:
    """R-32: refused after the grant, on the record, and the ledger holds together."""
    installation.open_gallery("US-UT", range(2))
    search = installation.requester().search(REQUEST, NO_FACE, idempotency_key="one")
    assert search.status is SearchStatus.REFUSED_QUALITY
    assert [reason.code for reason in search.reasons] == ["face_not_found"]
    assert "search.refused_quality" in kinds_once_told(installation, executed=0)
    verify_everything(installation)


def test_many_searches_of_one_gallery_at_once_leave_no_gap(installation: Installation) -> None:
    """Law 3: receipts reach the ledger dense and in order, whoever is first."""
    installation.open_gallery("US-UT", range(4))
    people = [f"olsen-{number}" for number in range(8)]
    tokens = {one: installation.audit.token(one, Role.REQUESTER) for one in people}

    def search(person: str) -> SearchStatus:
        one = installation.client(tokens[person])
        request = {**REQUEST, "case_number": f"SLC-{person}"}
        # Each their own photograph: the states bound how often one probe may be searched.
        probe = f"a probe of {person} for 1".encode()
        return one.search(request, probe, idempotency_key=person).status

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(search, people)) == {SearchStatus.SEALED}
    assert kinds_once_told(installation, len(people)).count("search.executed") == len(people)
    verify_everything(installation)


def test_one_search_sent_many_times_at_once_is_one_search(installation: Installation) -> None:
    """R-9, R-22: an impatient client gets one grant, one receipt and one answer."""
    installation.open_gallery("US-UT", range(4))
    token = installation.audit.token("olsen", Role.REQUESTER)

    def search(_: int) -> tuple[str, SearchStatus]:
        one = installation.client(token).search(REQUEST, b"probe of 1", idempotency_key="one")
        return one.search_id, one.status

    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(search, range(8)))
    assert len(answers) == 1
    assert {status for _, status in answers} == {SearchStatus.SEALED}
    kinds = kinds_once_told(installation, 1)
    assert (kinds.count("request.granted"), kinds.count("search.executed")) == (1, 1)
    verify_everything(installation)
