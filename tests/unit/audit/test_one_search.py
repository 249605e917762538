"""One search from request to lead, in the real ledger, verified from what it publishes."""

from onrecord.kernel.vocabulary import Conclusion, Role
from onrecord.proof.attestation import AttestationVerifier
from onrecord.proof.checks import base_checks
from onrecord.proof.entry import parse_body
from onrecord.proof.release import verify_release
from onrecord.proof.story import story_checks
from onrecord.proof.verify import verify_ledger
from tests.builders.audit import AuditForTest, soon


def test_a_lead_is_released_and_the_whole_ledger_verifies(audit: AuditForTest) -> None:
    """Laws 1, 3 and 6; R-15, R-20, R-21."""
    authorization = audit.authorize(galleries=["US-UT", "US-VT", "US-MD"])
    assert [one.granted for one in authorization.galleries] == [True, False, False]
    search_id = authorization.search_id
    audit.told(audit.receipt(authorization.entry))
    for person in ("berg", "cole"):
        audit.look(person, search_id)
        audit.look(person, search_id, "c-1")
        audit.look(person, search_id, "c-2")
        audit.decide(person, search_id)
    outcome = audit.service.release(search_id, soon())
    assert outcome.proof is not None
    released = verify_release(outcome.proof, audit.signer.verifier)
    assert [lead.candidate_ref for lead in released.leads] == ["c-1"]
    body, _, _ = parse_body(outcome.entry.body)
    assert body["stamps"] == ["INVESTIGATIVE LEAD ONLY", "UNWITNESSED"]
    assert audit.service.release(search_id, soon()).entry.index == outcome.entry.index

    verify(audit)


def test_two_examiners_who_do_not_agree_close_the_search(audit: AuditForTest) -> None:
    """R-15: opposite conclusions on one candidate end the search without a lead."""
    search_id = audit.executed().search_id
    audit.decide("berg", search_id)
    audit.decide(
        "cole",
        search_id,
        {"c-1": Conclusion.SUPPORTS_DIFFERENT, "c-2": Conclusion.SUPPORTS_DIFFERENT},
    )
    outcome = audit.service.release(search_id, soon())
    assert outcome.proof is None
    assert parse_body(outcome.entry.body)[2] == "search.closed"
    verify(audit)


def verify(audit: AuditForTest) -> None:
    """The whole ledger, from the object store and the bodies an auditor is given."""
    audit.running.ledger.publish()
    auditor = audit.token("auditor-1", Role.AUDITOR)
    bodies = audit.service.bodies(0, 1000, auditor, soon())
    report = verify_ledger(
        audit.objects.get,
        audit.signer.verifier,
        bodies=((one.index, one.nonce, one.body) for one in bodies),
        body_checks=[
            *base_checks(),
            *story_checks(AttestationVerifier([audit.authority.root])),
        ],
    )
    assert report.bodies == report.checkpoint.size == len(bodies)
