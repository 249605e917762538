"""Law 5, R-1: what a permit is read to allow, what it may look like, and what is said of others."""

import re
from collections.abc import Iterable

import pytest

from onrecord.audit.core import authority_reading
from onrecord.audit.core.canonical_form import MAX_POLICIES, Forbid, Permit, PolicyText
from onrecord.audit.core.cedar_schema import LEVELS, SCHEMA, WORDS
from onrecord.audit.core.policy import Answer, read_policy, unknown_agency
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import (
    FederalGround,
    InstrumentType,
    OffenceTier,
    ProbeSource,
    Purpose,
    RoleSought,
    Suspicion,
)
from tests.builders.laws import utah

POLICE = frozenset({"us-ut-slcpd", "us-ut-dps", "us-md-msp"})


def permit(
    *conditions: str,
    principal: str = 'principal in AgencyGroup::"law_enforcement"',
    action: str = 'action == Action::"search"',
    resource: str = 'resource == Gallery::"US-UT"',
    note: str = "",
    clauses: str | None = None,
) -> str:
    body = " && ".join(
        conditions or ('context.purpose == "missing_person"', 'context.offence_tier == "none"')
    )
    when = f"when {{ {body} }}" if clauses is None else clauses
    return f"{note} permit ({principal}, {action}, {resource}) {when};\n"


PURPOSE = 'context.purpose == "missing_person"'
TIER = 'context.offence_tier == "none"'
SHUT = "forbid (principal, action, resource);\n"


def text(cedar: str, *law: tuple[str, str]) -> PolicyText:
    return read_policy(cedar.encode(), utah(*law).encode(), "US-UT").text


def refusal(cedar: str, *law: tuple[str, str], name: str = "policy.cedar is refused: ") -> str:
    with pytest.raises(OnRecordError) as caught:
        text(cedar, *law)
    assert caught.value.code is ErrorCode.POLICY_INVALID
    assert caught.value.message.startswith(name)
    return caught.value.message.removeprefix(name)


def test_a_permit_is_read_whole() -> None:
    cedar = permit(
        '["missing_person", "identify_victim"].contains(context.purpose)',
        'context.offence_tier == "none"',
        'context.agency_level == "state"',
        note='@id("found")',
    )
    assert text(cedar) == PolicyText(
        permits=(
            Permit(
                "policy0",
                "found",
                POLICE,
                {
                    "purpose": frozenset({"missing_person", "identify_victim"}),
                    "offence_tier": frozenset({"none"}),
                    "agency_level": frozenset({"state"}),
                },
            ),
        ),
        forbids=(),
        spoken_of=frozenset({"purpose", "offence_tier", "agency_level"}),
        agencies_named=frozenset(),
    )


def test_one_agency_is_named_by_itself() -> None:
    found = text(permit(principal='principal == Agency::"us-ut-dld"'))
    assert found.permits[0].agencies == {"us-ut-dld"}
    assert found.permits[0].label == "policy0"
    assert found.agencies_named == {"us-ut-dld"}


def test_two_conditions_on_one_attribute_are_both_meant() -> None:
    found = text(
        permit(
            '["missing_person", "identify_victim"].contains(context.purpose)',
            '["identify_victim", "identify_witness"].contains(context.purpose)',
            TIER,
        )
    )
    assert found.permits[0].conditions["purpose"] == {"identify_victim"}


def test_forbids_say_who_said_what() -> None:
    noted = '@id("shut")\n@citation("1 X")\n@summary("all of it")\n' + SHUT
    assert text(permit() + SHUT + noted).forbids == (
        Forbid("policy1", "policy1", "", ""),
        Forbid("policy2", "shut", "1 X", "all of it"),
    )


def test_policies_stand_in_the_order_of_the_file() -> None:
    found = text("".join(permit(note=f'@id("n{number}")') for number in range(12)))
    assert [one.label for one in found.permits] == [f"n{number}" for number in range(12)]


def test_how_many_policies_a_file_may_hold() -> None:
    assert MAX_POLICIES == 200
    assert len(text(permit() + SHUT * 199).forbids) == 199
    assert refusal(SHUT * 201) == "the file holds more than 200 policies"


@pytest.mark.parametrize(
    ("condition", "attributes", "agencies"),
    [
        ('context.probe_source == "other"', {"probe_source"}, set()),
        (
            '!(context.suspicion like "x*") || context.instrument != "none"',
            {"suspicion", "instrument"},
            set(),
        ),
        ('if context.emergency == "none" then true else false', {"emergency"}, set()),
        ('principal == Agency::"us-md-msp"', set(), {"us-md-msp"}),
        ('[Agency::"us-ut-dps"].contains(principal)', set(), {"us-ut-dps"}),
        ('principal in AgencyGroup::"law_enforcement"', set(), set()),
        ("context == context", set(WORDS), set()),
        ("context has purpose", set(WORDS), set()),
    ],
)
def test_what_the_policies_speak_of(
    condition: str, attributes: set[str], agencies: set[str]
) -> None:
    """What is in neither cannot change an answer; so nothing may be missed."""
    found = text(f"forbid (principal, action, resource) when {{ {condition} }};")
    assert (set(found.spoken_of), set(found.agencies_named)) == (attributes, agencies)


MUST_NAME = "must name one agency (==) or one group of agencies (in) as principal"
ATOMS = (
    'has a condition that is neither `context.x == "word"` nor '
    '`["word", ...].contains(context.x)`, joined by &&'
)


@pytest.mark.parametrize(
    ("cedar", "told"),
    [
        (permit(principal="principal"), MUST_NAME),
        (permit(principal='principal in Agency::"us-ut-dld"'), MUST_NAME),
        (permit(principal="principal is Agency"), MUST_NAME),
        (permit(principal='principal == AgencyGroup::"law_enforcement"'), MUST_NAME),
        (
            permit(principal='principal == Agency::"us-nv-x"'),
            "names the agency 'us-nv-x', which authority.yaml does not list",
        ),
        (
            permit(principal='principal in AgencyGroup::"all"'),
            "names the group 'all', which authority.yaml does not list",
        ),
        (permit(action="action"), 'must say action == Action::"search"'),
        (permit(action='action in [Action::"search"]'), 'must say action == Action::"search"'),
        (permit(resource="resource"), 'must say resource == Gallery::"US-UT"'),
        (permit(resource='resource in Gallery::"US-UT"'), 'must say resource == Gallery::"US-UT"'),
        (permit(clauses=""), "must have exactly one `when` and no `unless`"),
        (
            permit(clauses=f"when {{ {PURPOSE} }} when {{ {TIER} }}"),
            "must have exactly one `when` and no `unless`",
        ),
        (
            permit(clauses=f"unless {{ {PURPOSE} && {TIER} }}"),
            "must have exactly one `when` and no `unless`",
        ),
        (permit(PURPOSE), "must limit context.offence_tier to words it names"),
        (permit(TIER), "must limit context.purpose to words it names"),
        *(
            (permit(PURPOSE, TIER, other), ATOMS)
            for other in (
                "true",
                '"none" == context.instrument',
                'context.instrument != "none"',
                "context.instrument == context.suspicion",
                "context.instrument == 1",
                'principal.instrument == "none"',
                '(context.instrument == "none" || context.instrument == "court_order")',
                '["none"].containsAll(["none"])',
                '"none".contains(context.instrument)',
                '["none"].contains("none")',
                "context has instrument",
            )
        ),
        (
            permit(PURPOSE, TIER, "[].contains(context.instrument)"),
            "has a set that is empty or holds something else than words",
        ),
        *(
            (
                permit(PURPOSE, TIER, f"{items}.contains(context.instrument)"),
                "has a set that is empty or holds something else than words",
            )
            for items in ("[1]", '["none", 1]', '["none", context.suspicion]', "[[]]")
        ),
        (
            permit(PURPOSE, TIER, 'context.colour == "red"'),
            "speaks of context.colour, which does not exist",
        ),
        (
            permit('["missing_person", "zz", "curiosity"].contains(context.purpose)', TIER),
            "holds context.purpose to words that do not exist: curiosity, zz",
        ),
        (
            permit(PURPOSE, TIER, 'context.agency_level == "unknown"'),
            "holds context.agency_level to words that do not exist: unknown",
        ),
    ],
)
def test_a_permit_of_another_form_is_refused(cedar: str, told: str) -> None:
    assert refusal(cedar) == f"policy0 {told}"
    assert refusal('@id("mine")' + cedar) == f"mine {told}"


def test_what_is_no_cedar_or_a_template_is_refused() -> None:
    assert refusal("permit (").startswith("the file is not Cedar: ")
    template = permit(principal="principal == ?principal")
    assert refusal(template) == "the file holds a template, which states may not use"
    assert text("") == PolicyText((), (), frozenset(), frozenset())


def words(some: list[str], attribute: str) -> str:
    return (
        f"[{', '.join(f'{chr(34)}{one}{chr(34)}' for one in some)}].contains(context.{attribute})"
    )


@pytest.mark.parametrize(
    ("taken", "told"),
    [
        (["none"], "takes suspicion none and not reasonable_suspicion, which is more"),
        (["none", "probable_cause"], "takes suspicion none and not reasonable_suspicion"),
        (["reasonable_suspicion"], "takes suspicion reasonable_suspicion and not probable_cause"),
        (["none", "reasonable_suspicion"], "takes suspicion reasonable_suspicion and not"),
        (["probable_cause"], None),
        (["reasonable_suspicion", "probable_cause"], None),
        (list(Suspicion), None),
    ],
)
def test_more_suspicion_is_no_less(taken: list[str], told: str | None) -> None:
    """Whoever left the fact out would be better off."""
    cedar = permit(PURPOSE, TIER, words(taken, "suspicion"))
    if told is None:
        assert text(cedar).permits[0].conditions["suspicion"] == set(taken)
    else:
        assert told in refusal(cedar)


@pytest.mark.parametrize("left_out", [None, *list(InstrumentType)[1:]])
def test_what_takes_none_takes_every_instrument(left_out: InstrumentType | None) -> None:
    cedar = permit(
        PURPOSE, TIER, words([one for one in InstrumentType if one is not left_out], "instrument")
    )
    if left_out is None:
        assert text(cedar).permits
    else:
        told = "policy0 takes a request without an instrument and not one with any"
        assert refusal(cedar) == told


def test_what_takes_an_instrument_need_not_take_another() -> None:
    found = text(permit(PURPOSE, TIER, 'context.instrument == "court_order"'))
    assert found.permits[0].conditions["instrument"] == {"court_order"}


# The bundle as a whole.


def test_the_two_files_are_of_one_state() -> None:
    name = "the policy is refused: "
    with pytest.raises(OnRecordError) as caught:
        read_policy(permit().encode(), utah().encode(), "US-VT")
    assert caught.value.message == f"{name}authority.yaml is US-UT's, not US-VT's"
    statute = ("type: statute", "type: none")
    assert refusal(permit(note='@id("mine")'), statute, name=name) == (
        "it rests on no instrument (authority.yaml), so it cannot permit anything, and mine permits"
    )
    assert text(SHUT, statute).permits == ()
    told = refusal("forbid (principal, action, resource) when { context.n > 1 };", name=name)
    assert told.startswith("policy.cedar does not fit the schema: ")
    assert len(told) > len("policy.cedar does not fit the schema: ")


def test_whatever_cedar_does_the_policy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 5: Cedar's panics are no Exceptions."""

    class PanicException(BaseException):
        pass

    def fails(error: BaseException) -> None:
        def act(*_: object) -> None:
            raise error

        monkeypatch.setattr("onrecord.audit.core.policy.cedarpy.validate_policies", act)

    fails(PanicException())
    assert refusal(permit(), name="the policy is refused: ") == (
        "it cannot be read (PanicException)"
    )
    for stops in (KeyboardInterrupt(), SystemExit()):
        fails(stops)
        with pytest.raises(type(stops)):
            text(permit())


CONTEXT = {
    "purpose": "missing_person",
    "offence_tier": "none",
    "role_sought": "missing",
    "suspicion": "none",
    "federal_ground": "b1",
    "instrument": "none",
    "probe_source": "other",
    "beneficiary_agency": "us-ut-dps",
    "beneficiary_level": "state",
    "beneficiary_kind": "police",
    "agency_level": "state",
    "agency_kind": "police",
    "emergency": "none",
}


def test_an_answer_names_what_decided_and_what_failed() -> None:
    cedar = (
        permit(note='@id("yes")')
        + permit('context.purpose == "identify_victim"', TIER, note='@id("other")')
        + '@id("shut") forbid (principal, action, resource) '
        'when { context.suspicion == "probable_cause" };\n'
        '@id("never") forbid (principal, action, resource) when { false };\n'
    )
    state = read_policy(cedar.encode(), utah().encode(), "US-UT")
    yes, _ = state.text.permits
    shut, _ = state.text.forbids
    assert state.ask("us-ut-dps", CONTEXT) == Answer(True, (yes,), (), ())
    assert state.ask("us-ut-dld", CONTEXT) == Answer(False, (), (), ())
    assert state.ask("us-nv-x", CONTEXT) == Answer(False, (), (), ())
    cold = {**CONTEXT, "suspicion": "probable_cause"}
    assert state.ask("us-ut-dps", cold) == Answer(False, (), (shut,), ())
    failing = cedar + "forbid (principal, action, resource) when { 9223372036854775807 + 1 > 0 };"
    broken = read_policy(failing.encode(), utah().encode(), "US-UT").ask("us-ut-dps", CONTEXT)
    assert (broken.permits, broken.forbids) == ((yes,), ())
    assert len(broken.errors) == 1
    assert "overflow" in broken.errors[0]


def test_an_agency_may_be_in_several_groups() -> None:
    groups = ("groups:", "groups:\n  others: [us-ut-dps, us-ut-dld]")
    cedar = permit(principal='principal in AgencyGroup::"others"')
    state = read_policy(cedar.encode(), utah(groups).encode(), "US-UT")
    asked = {name: state.ask(name, CONTEXT).permitted for name in sorted(state.authority.agencies)}
    assert asked == {
        "us-md-msp": False,
        "us-ut-dld": True,
        "us-ut-dps": True,
        "us-ut-slcpd": False,
    }
    both = read_policy(permit().encode(), utah(groups).encode(), "US-UT")
    assert both.ask("us-ut-dps", CONTEXT).permitted


def test_how_policies_see_whom_the_authority_does_not_list() -> None:
    stranger = unknown_agency("us-nv-x")
    assert (stranger.agency_id, stranger.name) == ("us-nv-x", "us-nv-x")
    assert {stranger.level, stranger.kind, stranger.jurisdiction} == {"unknown"}


def test_what_a_policy_may_speak_of_is_what_it_is_shown() -> None:
    """Law 5: schema, words and context name the same attributes; no word of a vocabulary lacks."""
    assert re.findall(r"(\w+): String", SCHEMA) == list(WORDS)
    assert set(WORDS) == set(CONTEXT)
    assert set(LEVELS) == set(authority_reading.LEVELS)
    vocabularies: dict[str, Iterable[str]] = {
        "purpose": Purpose,
        "offence_tier": OffenceTier,
        "role_sought": RoleSought,
        "suspicion": Suspicion,
        "federal_ground": FederalGround,
        "instrument": InstrumentType,
        "probe_source": ProbeSource,
        "beneficiary_level": LEVELS,
        "agency_level": LEVELS,
        "emergency": ("none", "declared"),
    }
    for attribute, vocabulary in vocabularies.items():
        assert set(WORDS[attribute] or ()) == {str(word) for word in vocabulary}
    free = {attribute for attribute, known in WORDS.items() if known is None}
    assert free == {"beneficiary_agency", "beneficiary_kind", "agency_kind"}


@pytest.mark.parametrize(
    "context",
    [
        {name: word for name, word in CONTEXT.items() if name != "agency_kind"},
        {**CONTEXT, "colour": "red"},
        {**CONTEXT, "agency_kind": 5},
    ],
    ids=["less", "more", "other"],
)
def test_a_question_that_does_not_fit_the_schema_is_an_error(context: dict[str, str]) -> None:
    """Law 5: whoever forgets to show an attribute gets no permit."""
    state = read_policy(permit().encode(), utah().encode(), "US-UT")
    answer = state.ask("us-ut-dps", context)
    assert not answer.permitted
    assert len(answer.errors) == 1
