"""What a state may sign: canonical permits that fit the schema, YAML with one reading (law 5)."""

import pytest

from onrecord.audit.core.authority_reading import read_authority
from onrecord.audit.core.policy import read_policy
from onrecord.audit.core.strict_yaml import read_yaml
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import OffenceTier, Purpose
from tests.builders.audit import POLICIES, STATES

UTAH = (POLICIES / "US-UT" / "authority.yaml").read_text()

HEAD = """permit (
  principal in AgencyGroup::"law_enforcement",
  action == Action::"search",
  resource == Gallery::"US-UT"
)"""
WHEN = """ when {
  context.purpose == "missing_person" && ["none", "felony"].contains(context.offence_tier)
}"""
GOOD = HEAD + WHEN + ";"


def refusal(cedar: str, yaml: str = UTAH) -> str:
    with pytest.raises(OnRecordError) as caught:
        read_policy(cedar.encode(), yaml.encode(), "US-UT")
    assert caught.value.code is ErrorCode.POLICY_INVALID
    return caught.value.message


@pytest.mark.parametrize("state", STATES)
def test_the_demo_states_are_in_form_and_ask_for_legal_review(state: str) -> None:
    folder = POLICIES / state
    files = (folder / "policy.cedar").read_bytes(), (folder / "authority.yaml").read_bytes()
    policy = read_policy(*files, state)
    assert policy.authority.legal_review == "required"
    assert sorted(path.name for path in folder.iterdir()) == ["authority.yaml", "policy.cedar"]


def test_a_canonical_permit_is_read() -> None:
    permit = read_policy(GOOD.encode(), UTAH.encode(), "US-UT").text.permits[0]
    assert permit.agencies == {"us-ut-slcpd", "us-ut-dps", "us-md-msp"}
    assert permit.conditions["purpose"] == {"missing_person"}
    assert permit.conditions["offence_tier"] == {"none", "felony"}


@pytest.mark.parametrize(
    ("cedar", "told"),
    [
        (GOOD.replace("principal in AgencyGroup::", "principal in Agency::"), "one agency"),
        (GOOD.replace('principal in AgencyGroup::"law_enforcement"', "principal"), "one agency"),
        (GOOD.replace('"law_enforcement"', '"everyone"'), "everyone"),
        (
            GOOD.replace('in AgencyGroup::"law_enforcement"', '== Agency::"us-nv-x"'),
            "us-nv-x",
        ),
        (GOOD.replace('action == Action::"search"', "action"), "action =="),
        (GOOD.replace('resource == Gallery::"US-UT"', "resource"), "resource =="),
        (GOOD.replace('Gallery::"US-UT"', 'Gallery::"US-VT"'), "resource =="),
        (HEAD + ";", "exactly one"),
        (HEAD + WHEN + ' unless { context.suspicion == "none" };', "exactly one"),
        (HEAD + WHEN + WHEN + ";", "exactly one"),
        (HEAD + ' unless { context.suspicion == "none" };', "exactly one"),
        (GOOD.replace("&&", "||"), "neither"),
        (GOOD.replace('context.purpose == "missing_person"', "true"), "neither"),
        (
            GOOD.replace(
                'context.purpose == "missing_person"', '!(context.purpose == "missing_person")'
            ),
            "neither",
        ),
        (GOOD.replace('context.purpose == "missing_person" &&', ""), "context.purpose"),
        (
            GOOD.replace('&& ["none", "felony"].contains(context.offence_tier)', ""),
            "context.offence_tier",
        ),
        (GOOD.replace('"missing_person"', '"missing_persons"'), "missing_persons"),
        (GOOD.replace('["none", "felony"]', "[]"), "empty"),
        (GOOD.replace('["none", "felony"]', '["none", context.purpose]'), "something else"),
        (GOOD.replace("context.offence_tier", "context.tier"), "context.tier"),
        (GOOD.replace("context.purpose ==", "principal.purpose =="), "neither"),
        (
            GOOD.replace('in AgencyGroup::"law_enforcement"', "== ?principal"),
            "template",
        ),
        ("permit (", "not Cedar"),
        (GOOD + "forbid (principal, action, resource) when { context.n > 1 };", "schema"),
    ],
)
def test_any_other_form_is_refused_and_the_rule_is_named(cedar: str, told: str) -> None:
    assert told in refusal(cedar)


def test_a_forbid_may_have_any_form_because_it_only_takes_away() -> None:
    cedar = GOOD + (
        "forbid (principal, action, resource) when "
        '{ !(context.suspicion == "none") || context.beneficiary_level like "fed*" };'
    )
    assert len(read_policy(cedar.encode(), UTAH.encode(), "US-UT").text.forbids) == 1


def test_the_files_must_be_of_one_state() -> None:
    vermont = (POLICIES / "US-VT" / "authority.yaml").read_text()
    assert "not US-UT's" in refusal(GOOD, vermont)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("name: Utah\n", "name: Utah\nname: Idaho\n", "twice"),
        ("name: Utah\n", "name: &a Utah\n", "anchors"),
        ("name: Utah\n", "name: !!str Utah\n", "tags"),
        ("name: Utah\n", "name: Utah\nsurprise: true\n", "surprise"),
        ("name: Utah\n", "", "name is missing"),
        ("embargo_days: 90", "embargo_days: no", "several readings"),
        ("embargo_days: 90", "embargo_days: 9_0", "several readings"),
        ("embargo_days: 90", "embargo_days: 90.5", "several readings"),
        ("embargo_days: 90", "embargo_days: 0x5a", "several readings"),
        ("embargo_days: 90", "embargo_days: -1", "whole number"),
        ("embargo_days: 90", 'embargo_days: "90"', "whole number"),
        ("legal_review: required\n", "", "legal_review is missing"),
        ("expires: 2028-01-01T00:00:00-07:00", "expires: 2028-01-01", "zone"),
        ("expires: 2028-01-01T00:00:00-07:00", "expires: never", "instant"),
        ("expires: 2028", "expires: 2025", "later than effective"),
        ("legislature_voted: true", "legislature_voted: perhaps", "true or false"),
        ("type: statute", "type: custom", "statute, agreement, none"),
        ("level: local", "level: village", "federal, state, local, tribal"),
        ("law_enforcement: [us-ut-slcpd,", "law_enforcement: [us-xx-nobody,", "us-xx-nobody"),
        ("list_size: 30", "list_size: 51", "from 2 to 50"),
        ("grant_minutes: 5", "grant_minutes: 6", "from 1 to 5"),
        ("76-6-302: violent_felony", "76-6-302: very_bad", "must be one of"),
        ("  criminal_investigation: reasonable", "  curiosity: reasonable", "not a purpose"),
        ("roles_sought: [suspect,", "roles_sought: [king,", "out of"),
        ("per_case: 10", "per_case: many", "whole number"),
        ("prohibition: null", "prohibition: {citation: x}", "summary is missing"),
    ],
)
def test_an_authority_with_a_second_reading_or_a_gap_is_refused(
    old: str, new: str, told: str
) -> None:
    assert old in UTAH
    with pytest.raises(OnRecordError) as caught:
        read_authority(UTAH.replace(old, new, 1).encode())
    assert caught.value.code is ErrorCode.POLICY_INVALID
    assert told in caught.value.message


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe", b"a: [1, 2", b"- 1\n---\n- 2\n", b"x" * (256 * 1024 + 1), b"[" * 5000],
)
def test_what_is_not_one_small_yaml_document_is_refused(data: bytes) -> None:
    with pytest.raises(OnRecordError) as caught:
        read_yaml(data)
    assert caught.value.code is ErrorCode.POLICY_INVALID


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("{permitted: perhaps}", "true or false"),
        ("{permitted: false, followup_hours: 48}", "not a known field"),
        ("{permitted: true, followup_hours: 0}", "from 1 to 168"),
        ("{permitted: true, followup_hours: 169}", "from 1 to 168"),
        ("{permitted: true, followup_hours: true}", "from 1 to 168"),
        ("{permitted: true, waives: [training]}", "out of: instrument, suspicion"),
        ("{permitted: true, waives: []}", "out of: instrument, suspicion"),
        ("{permitted: true, purposes: [immigration_enforcement]}", "cannot be an emergency"),
        ("{permitted: true, purposes: [missing_person, missing_person]}", "each once"),
        ("{permitted: true, instruments: [none]}", "must name an instrument"),
        ("{permitted: true, instruments: [promise]}", "out of"),
    ],
)
def test_an_emergency_rule_with_a_gap_is_refused(rule: str, told: str) -> None:
    """R-10."""
    text = UTAH.replace("emergency: {permitted: false}", f"emergency: {rule}")
    assert text != UTAH
    with pytest.raises(OnRecordError) as caught:
        read_authority(text.encode())
    assert caught.value.code is ErrorCode.POLICY_INVALID
    assert told in caught.value.message


def test_a_permitted_emergency_protects_unless_it_says_otherwise() -> None:
    """R-10: the instrument alone can wait, for 48 hours, and never for immigration."""
    assert read_authority(UTAH.encode()).emergency is None
    permitted = UTAH.replace("emergency: {permitted: false}", "emergency: {permitted: true}")
    rule = read_authority(permitted.encode()).emergency
    assert rule is not None
    assert (rule.followup_hours, rule.waives_suspicion) == (48, False)
    assert rule.purposes == frozenset(Purpose) - {Purpose.IMMIGRATION_ENFORCEMENT}
    assert rule.instruments == {"grand_jury_subpoena", "court_order", "search_warrant"}


def test_the_statute_table_is_what_was_signed() -> None:
    authority = read_authority(UTAH.encode())
    assert authority.tier_of("Utah Code 76-5-203", OffenceTier.INFRACTION) == "violent_felony"
    assert authority.tier_of("Nevada 1", OffenceTier.INFRACTION) == "infraction"


def test_a_statute_stands_in_the_table_once() -> None:
    """R-7: two spellings of one statute could name two tiers."""
    signed = (POLICIES / "US-UT" / "authority.yaml").read_bytes()
    line = b"  Utah Code 76-6-206: misdemeanor\n"
    assert line in signed
    twice = signed.replace(line, line + b"  utah code  76-6-206: felony\n")
    with pytest.raises(OnRecordError, match="two spellings"):
        read_authority(twice)
