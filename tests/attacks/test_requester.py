"""Attacker: a requester with a live token, who says what is not true or asks too often."""

import hashlib

import pytest

from onrecord.kernel.errors import ErrorCode
from tests.attacks.conftest import Refused, entries
from tests.builders.audit import REQUEST
from tests.builders.joined import Joined
from tests.builders.laws import EMERGENCY, permit_emergencies


def _reasons(joined: Joined, **changes: object) -> list[str]:
    asked = joined.audit.authorize(**changes)  # type: ignore[arg-type]
    return [code for code, _ in asked.galleries[0].reasons]


def test_not_stopped_the_photograph_saved_anew_has_another_quota(joined: Joined) -> None:
    """R-9: the attack succeeds: a quota of one probe counts one hash. The others still count."""
    for number in range(3):
        assert joined.audit.authorize(case_number=f"case-{number}").granted
    assert _reasons(joined, case_number="case-4") == ["quota_exhausted"]
    saved_anew = hashlib.sha256(b"the same picture, other bytes").hexdigest()
    assert joined.audit.authorize(case_number="case-4", probe=saved_anew).granted


def test_not_stopped_a_false_beneficiary_is_believed_and_kept(joined: Joined) -> None:
    """R-4: the attack succeeds: no machine can tell; it stands under the person's name."""
    asked = joined.audit.authorize("olsen", beneficiary_agency="us-ut-slcpd")
    assert asked.granted
    body = entries(joined.audit)[asked.entry.index]
    assert body["request"]["beneficiary_agency"] == "us-ut-slcpd"
    assert body["by"]["person"] == "olsen"


@pytest.mark.parametrize(
    ("statute", "code"),
    [
        ("8 U.S.C. 1325", "immigration_refused"),
        ("INA 275", "immigration_refused"),
    ],
)
def test_immigration_under_another_purpose_is_refused_by_its_statute(
    joined: Joined, statute: str, code: str
) -> None:
    """R-5."""
    offence = {"statute": statute, "tier": "violent_felony"}
    assert code in _reasons(joined, offence=offence)


def test_not_stopped_a_state_statute_named_instead_of_immigration_law(joined: Joined) -> None:
    """R-5: the attack succeeds: what the police really want is in nobody's data."""
    assert joined.audit.authorize(
        offence=REQUEST["offence"], narrative="Removal proceedings are the true aim."
    ).granted


def test_possible_a_citation_that_the_table_does_not_list_has_the_declared_tier(
    joined: Joined,
) -> None:
    """The attack succeeds for a subsection; it is written under the person's name."""
    offence = {"statute": "Utah Code 76-6-302(1)(a)", "tier": "violent_felony"}
    assert joined.audit.authorize(offence=offence).granted


def test_possible_an_emergency_that_is_none(joined: Joined) -> None:
    """R-10: the attack succeeds until the first follow-up is overdue."""
    permit_emergencies(joined.audit)
    assert "instrument_required" in _reasons(joined)
    asked = joined.audit.authorize(emergency=EMERGENCY)
    assert asked.granted
    assert entries(joined.audit)[asked.entry.index]["request"]["emergency"] == EMERGENCY


def test_a_grant_finds_one_photograph_and_no_second(joined: Joined, refused: Refused) -> None:
    """R-8: the template must come from the granted probe, and stays the one that was searched."""
    granted = joined.audit.authorize()
    other = hashlib.sha256(b"another photograph").hexdigest()
    refused(ErrorCode.ATTESTATION_INVALID, lambda: joined.search(granted.entry, probe=other))
    joined.search(granted.entry, 1)
    refused(ErrorCode.GRANT_OTHER_PROBE, lambda: joined.search(granted.entry, 2))


def test_a_refused_gallery_is_not_opened_by_another_states_yes(
    joined: Joined, refused: Refused
) -> None:
    """Law 5."""
    asked = joined.audit.authorize(galleries=["US-UT", "US-VT"])
    assert [one.granted for one in asked.galleries] == [True, False]
    joined.world.plane.create_gallery(
        joined.world.setup("US-VT", authority_key=joined.audit.state_keys["US-VT"].verifier.text),
        joined.audit.operator(),
        joined.world.deadline,
    )
    refused(ErrorCode.GRANT_GALLERY, lambda: joined.search(asked.entry, gallery="US-VT"))
