"""The typed client against a gateway in the same process, from a gallery to a lead."""

from pathlib import Path

import httpx
import pytest

from onrecord.client import ClientError, Decision, OnRecordClient
from onrecord.gateway.limits import Limits
from onrecord.kernel.vocabulary import Conclusion, GalleryStatus, Role, SearchStatus, TaskStatus
from onrecord.proof.entry import LoggedEntry, leaf, verify_entry
from tests.builders.gateway import REQUEST, Office, build_office
from tests.builders.gateway_audit import MODEL


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return build_office(tmp_path)


def client(office: Office, person: str, role: Role, **claims: str) -> OnRecordClient:
    return OnRecordClient(
        "http://testserver/", lambda: office.token(person, role, **claims), office.http
    )


def test_from_a_gallery_to_a_lead(office: Office) -> None:
    """R-40: everything the demo does, typed."""
    operator = client(office, "otto", Role.OPERATOR)
    made = operator.create_gallery("US-NV", model_id=MODEL, authority_key="US-NV/authority+k")
    assert len(made.public_key) == 32
    custodian = client(office, "cora", Role.CUSTODIAN, gallery="US-NV")
    with office.at_work():
        assert custodian.enrol("US-NV", "NV/77?", b"a portrait").status == "live"
    assert [one.gallery for one in operator.galleries()][:2] == ["US-MD", "US-NV"]

    requester = client(office, "olsen", Role.REQUESTER)
    request = {**REQUEST, "galleries": ["US-NV", "US-TX"]}
    search = requester.search(request, b"the probe", idempotency_key="one")
    assert search.status is SearchStatus.SEALED
    assert search.gallery("US-TX").status is GalleryStatus.REFUSED
    assert search.gallery("US-NV").receipt is not None
    entry = LoggedEntry.from_json(dict(search.receipt.document))
    assert verify_entry(entry, office.audit.ledger.key).kind == "request.granted"

    examiners = [client(office, person, Role.EXAMINER) for person in ("lee", "ray")]
    for one in examiners:
        assert one.join_examiners().agency == "us-ut-slcpd"
    for one in examiners:
        (summary,) = one.tasks()
        task = one.task(summary.task_id)
        assert task.status is TaskStatus.OPEN
        assert one.probe(task.task_id) == b"the probe"
        (reference,) = task.candidate_refs
        assert one.portrait(task.task_id, reference).endswith(b"NV/77?")
        decided = Decision(reference, Conclusion.SUPPORTS_SAME, ("ears agree",), 90)
        assert one.decide(task.task_id, "morphological_analysis", [decided]).entry_index

    assert requester.get_search(search.search_id).status is SearchStatus.RELEASED
    assert [one.search_id for one in requester.searches()] == [search.search_id]
    leads = requester.leads(search.search_id)
    assert [one.record_id for one in leads.leads] == ["NV/77?"]
    assert leads.stamps[0] == "INVESTIGATIVE LEAD ONLY"
    assert leads.probe_quality[0].passed


def test_an_auditor_reads_every_body(tmp_path: Path) -> None:
    """The client turns the pages; what it gives is what the leaves commit to."""
    office = build_office(tmp_path, limits=Limits(page=4))
    requester = client(office, "olsen", Role.REQUESTER)
    for number in range(5):
        requester.search(REQUEST, b"the probe", idempotency_key=f"key-{number}")
    bodies = list(client(office, "ada", Role.AUDITOR).bodies())
    assert [one.index for one in bodies] == list(range(10))
    nonce, body = office.audit.ledger.bodies[7]
    assert leaf(bodies[7].nonce, bodies[7].body) == leaf(nonce, body)
    assert [one.index for one in client(office, "ada", Role.AUDITOR).bodies(8)] == [8, 9]


def test_the_public_part_needs_no_token(office: Office) -> None:
    office.parts.ledger_objects.put("checkpoint", b"a note\n")
    office.parts.ledger_objects.put("tile/0/000.p/1", b"hash")
    public = OnRecordClient("http://testserver", None, office.http)
    assert public.checkpoint() == "a note\n"
    assert public.tile("tile/0/000.p/1") == b"hash"
    assert public.policies()[0].gallery == "US-UT"


def test_a_refusal_is_an_error_with_code_and_field(office: Office) -> None:
    requester = client(office, "olsen", Role.REQUESTER)
    with pytest.raises(ClientError) as caught:
        requester.search({**REQUEST, "list_size": 51}, b"x", idempotency_key="one")
    error = caught.value
    assert (error.status, error.code, error.field) == (
        422,
        "list_size_out_of_range",
        "list_size",
    )
    assert error.request_id
    assert "list_size" in str(error)


def test_an_error_says_when_to_come_back(office: Office) -> None:
    office.audit.down = True
    with pytest.raises(ClientError) as caught:
        client(office, "olsen", Role.REQUESTER).search(REQUEST, b"x", idempotency_key="one")
    assert (caught.value.status, caught.value.code) == (503, "ledger_unavailable")
    assert caught.value.retry_after


def test_a_crowd_is_told_with_its_number(office: Office) -> None:
    from tests.builders.gateway_services import CROWD

    custodian = client(office, "cora", Role.CUSTODIAN, gallery="US-UT")
    with office.at_work(), pytest.raises(ClientError) as caught:
        custodian.enrol("US-UT", "UT-1", CROWD)
    assert caught.value.details["faces"] == 3


def test_a_record_is_enrolled_looked_up_and_deleted(office: Office) -> None:
    """Item 4, R-40: the receipt has its three times; events tell of both."""
    custodian = client(office, "cora", Role.CUSTODIAN, gallery="US-UT")
    with office.at_work():
        made = custodian.enrol("US-UT", "UT-1", b"a portrait")
        assert custodian.enrolment("US-UT", made.enrolment_id).status == "live"
        assert custodian.events().events[0].ref == made.enrolment_id
    receipt = custodian.delete_record("US-UT", "UT-1")
    assert receipt.not_returned_from < receipt.backups_expire_at
    assert custodian.deletion("US-UT", "UT-1") == receipt
    assert not custodian.check_gallery("US-UT").agrees
    assert custodian.check_gallery("US-UT", repair=True).repaired == 1


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (httpx.Response(502, text="<html>bad gateway</html>"), 502, "unexpected_answer"),
        (httpx.Response(500, json=["not a problem"]), 500, "unexpected_answer"),
    ],
)
def test_what_is_not_a_gateway_is_an_error_too(
    answer: httpx.Response, status: int, code: str
) -> None:
    http = httpx.Client(transport=httpx.MockTransport(lambda _: answer))
    with pytest.raises(ClientError) as caught:
        OnRecordClient("http://elsewhere", "token", http).get_search("x")
    assert (caught.value.status, caught.value.code) == (status, code)


def test_no_answer_at_all_is_unreachable() -> None:
    def down(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    http = httpx.Client(transport=httpx.MockTransport(down))
    with pytest.raises(ClientError) as caught, OnRecordClient("http://nowhere", "t", http) as one:
        one.checkpoint()
    assert (caught.value.status, caught.value.code) == (0, "unreachable")


def test_the_token_is_asked_for_at_every_call(office: Office) -> None:
    """Tokens live for minutes, clients for hours."""
    asked: list[str] = []

    def token() -> str:
        asked.append("token")
        return office.token("olsen", Role.REQUESTER)

    one = OnRecordClient("http://testserver", token, office.http)
    list(one.searches())
    list(one.searches())
    assert len(asked) == 2
