"""Attacker: has the gateway's certificate, its process and its database, and whatever passes
through it. No user's password, no key of audit or of a plane.
"""

from dataclasses import replace

from onrecord.chassis.bus.outcomes import Failed
from onrecord.clients.transport import TEMPLATE
from onrecord.contracts.audit import AuthorizeCall
from onrecord.contracts.enrolment import RowStatus, Submission
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import Role
from onrecord.proof.manifests import Row
from tests.attacks.conftest import Refused, entries
from tests.builders.audit import PROBE, REQUEST, soon
from tests.builders.joined import Joined
from tests.builders.plane import UTAH, face, portrait, record_name, ref_of, sha256


def _call(token: str, key: str) -> AuthorizeCall:
    return AuthorizeCall(dict(REQUEST), PROBE, token, key, "thief")


def test_possible_a_live_token_asks_until_it_expires(joined: Joined, refused: Refused) -> None:
    """Law 10: the attack succeeds for minutes, under the person's name, and not afterwards."""
    passed_through = joined.audit.token("olsen", Role.REQUESTER)
    asked = joined.audit.service.authorize(_call(passed_through, "thief-1"), soon())
    assert asked.granted
    assert joined.search(asked.entry).candidates
    assert entries(joined.audit)[asked.entry.index]["by"]["person"] == "olsen"
    joined.pass_(minutes=16)
    refused(
        ErrorCode.TOKEN_EXPIRED,
        lambda: joined.audit.service.authorize(_call(passed_through, "thief-2"), soon()),
    )


def test_a_search_that_is_announced_is_judged_when_it_comes(
    joined: Joined, refused: Refused
) -> None:
    """Law 2: a plane that was told of a grant believes it no sooner and for no longer."""
    passed_through = joined.audit.token("olsen", Role.REQUESTER)
    asked = joined.audit.service.authorize(_call(passed_through, "thief-1"), soon())
    forged = replace(asked.entry, body=asked.entry.body.replace(b'"olsen"', b'"berg"'))
    joined.plane.foresee(asked.entry, soon())
    assert list(joined.plane.receipts(UTAH, 0, soon())) == []
    refused(ErrorCode.GRANT_NOT_IN_LEDGER, lambda: joined.plane.foresee(forged, soon()))
    refused(ErrorCode.GRANT_NOT_IN_LEDGER, lambda: joined.search(forged))
    joined.pass_(minutes=6)
    refused(ErrorCode.GRANT_EXPIRED, lambda: joined.search(asked.entry))
    refused(ErrorCode.GRANT_EXPIRED, lambda: joined.plane.foresee(asked.entry, soon()))
    assert list(joined.plane.receipts(UTAH, 0, soon())) == []


def test_a_token_of_its_own_making_is_nobodys(joined: Joined, refused: Refused) -> None:
    """Law 10: audit verifies it, and so does the plane."""
    forged = joined.audit.token("olsen", Role.REQUESTER)[:-20] + "A" * 20
    refused(
        ErrorCode.TOKEN_INVALID,
        lambda: joined.audit.service.authorize(_call(forged, "thief-3"), soon()),
    )
    granted, found = joined.searched(1)
    joined.examine(granted.search_id, found, found.candidates[0].candidate_ref, "berg", "cole")
    proof = joined.release(granted.search_id).proof
    assert proof is not None
    refused(ErrorCode.TOKEN_INVALID, lambda: joined.plane.unseal(proof, forged, soon()))


def test_possible_a_face_seen_on_its_way_to_an_examiner(joined: Joined) -> None:
    """The attack succeeds: what an examiner is shown passes through in the clear, on the record."""
    granted, found = joined.searched(1)
    look = joined.audit.look("berg", granted.search_id, found.candidates[0].candidate_ref)
    assert joined.plane.open_portrait(look, soon()) == portrait(1)
    assert entries(joined.audit)[-1]["kind"] == "look.granted"


def test_one_look_opens_one_face(joined: Joined, refused: Refused) -> None:
    """Law 6: it cannot make of one examiner's look a second one, nor keep it for later."""
    granted, found = joined.searched(1)
    look = joined.audit.look("berg", granted.search_id, found.candidates[0].candidate_ref)
    other = look.body.replace(
        found.candidates[0].candidate_ref.encode(), found.candidates[1].candidate_ref.encode()
    )
    forged = type(look)(other, look.nonce, look.index, look.inclusion, look.checkpoint)
    refused(ErrorCode.GRANT_NOT_IN_LEDGER, lambda: joined.plane.open_portrait(forged, soon()))
    joined.pass_(minutes=3)
    refused(ErrorCode.GRANT_EXPIRED, lambda: joined.plane.open_portrait(look, soon()))


def test_possible_it_draws_the_examiners_it_likes(joined: Joined, refused: Refused) -> None:
    """The attack succeeds: audit takes any two who are qualified. It names them, and two it needs.

    It cannot be one of them twice, nor the requester, nor somebody without the role.
    """
    granted, found = joined.searched(1)
    best = found.candidates[0].candidate_ref
    refused(
        ErrorCode.EXAMINER_CONFLICT,
        lambda: joined.examine(granted.search_id, found, best, "olsen"),
    )
    joined.examine(granted.search_id, found, best, "friend-1")
    refused(ErrorCode.SEARCH_STATE, lambda: joined.release(granted.search_id))
    joined.examine(granted.search_id, found, best, "friend-2")
    assert joined.release(granted.search_id).proof is not None
    decided = [one for one in entries(joined.audit) if one["kind"] == "examination.decided"]
    assert [one["by"]["person"] for one in decided] == ["friend-1", "friend-2"]


def test_possible_it_opens_what_travels_on_the_bus_today(joined: Joined, refused: Refused) -> None:
    """R-46: the attack succeeds for today's crops and templates; never for the vault, and not
    for what was sealed once its key is destroyed.
    """
    world, image = joined.world, portrait(7)
    ticket = world.begin(record_name(7), image)
    world.submit(ticket, image)
    event = world.embedded(ticket, image, face(7))
    ref = ref_of(ticket, UTAH)
    assert world.seals.open(TEMPLATE, ref, event.template, soon())
    world.clock.pass_by(hours=49)
    world.plane.maintain(soon())
    world.seals.forget()
    refused(
        ErrorCode.SEAL_KEY_DESTROYED,
        lambda: world.seals.open(TEMPLATE, ref, event.template, soon()),
    )


def test_possible_it_reads_the_record_ids_of_a_signed_list(joined: Joined) -> None:
    """The attack succeeds for rows of open chunks, with nobody's token."""
    row = Row(record_name(8), sha256(portrait(8)), "a.jpg")
    signed = joined.world.manifest([row], by=joined.audit.state_keys[UTAH])
    joined.world.open_manifest(signed)
    rows = joined.plane.manifest_rows(signed.ref(0), list(RowStatus), 0, 10, soon())
    assert [one.content.record_id for one in rows] == [record_name(8)]


def test_it_enrols_no_other_face_under_a_signed_row(joined: Joined, refused: Refused) -> None:
    """R-42: the state has signed the portrait's hash; the plane opens what it is brought."""
    world = joined.world
    begun = world.start(record_name(1), portrait(1))
    assert begun.ticket is None, "the record has that portrait"
    ticket = world.begin(record_name(9), portrait(9))
    other = world.submission(ticket, portrait(10))
    joined.plane.submit_enrolments(
        UTAH, [Submission(ticket.enrolment_id, other.vault, other.key_id)], soon()
    )
    template = world.template(ticket.attestation, sha256(portrait(10)), face(10))
    event = world.embedded(ticket, portrait(9), face(10), template=template)
    (outcome,) = world.deliver(event)
    assert isinstance(outcome, Failed)
    assert outcome.error.code is ErrorCode.ATTESTATION_INVALID
