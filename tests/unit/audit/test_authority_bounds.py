"""Law 5, R-1, R-2, R-10: `authority.yaml` field by field, at its bounds, and what is at fault."""

import pytest

from onrecord.audit.core.authority import (
    Agency,
    EmergencyRule,
    LegalInstrument,
    Limits,
    Prohibition,
    Quotas,
    Retention,
)
from onrecord.audit.core.authority_reading import read_authority
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import InstrumentType, OffenceTier, Purpose, Suspicion
from tests.builders.laws import NO_EMERGENCY, NO_INSTRUMENT, utah

POLICE = "us-ut-slcpd:\n    {name: Salt Lake City Police Department, level: local, kind: police"


def refusal(*changes: tuple[str, str]) -> tuple[str | None, str]:
    with pytest.raises(OnRecordError) as caught:
        read_authority(utah(*changes).encode())
    assert caught.value.code is ErrorCode.POLICY_INVALID
    start = "authority.yaml is refused: "
    assert caught.value.message.startswith(start)
    return caught.value.field, caught.value.message.removeprefix(start)


@pytest.mark.parametrize(
    ("old", "new", "field", "told"),
    [
        (
            "format: onrecord-authority/1",
            "format: onrecord-authority/2",
            "format",
            "format must be onrecord-authority/1",
        ),
        ("format: onrecord-authority/1\n", "", "format", "format is missing"),
        (
            "expires: 2028-01-01T00:00:00-07:00",
            "expires: 2026-01-01T00:00:00-07:00",
            "expires",
            "expires must be later than effective",
        ),
        (
            "expires: 2028-01-01T00:00:00-07:00",
            "expires: 2028-01-01T00:00:00",
            "expires",
            "expires must state its zone, such as -07:00",
        ),
        (
            "effective: 2026-01-01T00:00:00-07:00",
            "effective: soon",
            "effective",
            "effective must be an instant such as 2026-01-01T00:00:00-07:00",
        ),
        (
            "type: statute",
            "type: custom",
            "instrument.type",
            "instrument.type must be one of: statute, agreement, none",
        ),
        (
            "legislature_voted: true",
            "legislature_voted: 1",
            "instrument.legislature_voted",
            "instrument.legislature_voted must be true or false",
        ),
        ("  type: statute\n", "  type: statute\n  more: x\n", "instrument.more", ""),
        ("prohibition: null", "prohibition: none", "prohibition", ""),
        (
            "prohibition: null",
            "prohibition: {citation: c, summary: s, more: x}",
            "prohibition.more",
            "",
        ),
        ("prohibition: null", "prohibition: {summary: s}", "prohibition.citation", ""),
        (
            "  us-ut-dps:\n",
            "  us-ut-DPS:\n",
            "agencies.us-ut-DPS",
            "agencies.us-ut-DPS is not the id of an agency, such as us-ut-slcpd",
        ),
        (
            "level: local",
            "level: village",
            "agencies.us-ut-slcpd.level",
            "agencies.us-ut-slcpd.level must be one of: federal, state, local, tribal",
        ),
        (
            POLICE,
            POLICE.replace("police", "Police!"),
            "agencies.us-ut-slcpd.kind",
            "agencies.us-ut-slcpd.kind must be a word such as police",
        ),
        (
            POLICE,
            POLICE + ", more: x",
            "agencies.us-ut-slcpd.more",
            "",
        ),
        (
            "level: local, kind: police, jurisdiction: US-UT",
            "level: local, kind: police, jurisdiction: US-ZZ",
            "agencies.us-ut-slcpd.jurisdiction",
            "",
        ),
        ("jurisdiction: US-UT\nname", "jurisdiction: US-ZZ\nname", "jurisdiction", ""),
        (
            "law_enforcement: [us-ut-slcpd, us-ut-dps, us-md-msp]",
            "Law: [us-ut-slcpd]",
            "groups.Law",
            "groups.Law must be a word with a list of agencies",
        ),
        (
            "law_enforcement: [us-ut-slcpd, us-ut-dps, us-md-msp]",
            "law_enforcement: us-ut-slcpd",
            "groups.law_enforcement",
            "groups.law_enforcement must be a word with a list of agencies",
        ),
        (
            "law_enforcement: [us-ut-slcpd, us-ut-dps, us-md-msp]",
            "law_enforcement: []",
            "groups.law_enforcement",
            "groups.law_enforcement must be a word with a list of agencies",
        ),
        (
            "law_enforcement: [us-ut-slcpd, us-ut-dps",
            "law_enforcement: [us-ut-slcpd, us-nv-x",
            "groups.law_enforcement",
            "groups.law_enforcement names 'us-nv-x', which is not under agencies",
        ),
        (
            "law_enforcement: [us-ut-slcpd, us-ut-dps",
            "law_enforcement: [us-ut-slcpd, us-ut-slcpd",
            "groups.law_enforcement",
            "groups.law_enforcement names an agency twice",
        ),
        (
            "roles_sought: [suspect,",
            "roles_sought: [king,",
            "roles_sought",
            "roles_sought must be a list of words out of: suspect, victim, witness, missing, "
            "deceased, unidentified",
        ),
        (
            "roles_sought: [suspect, victim, missing, deceased, unidentified]",
            "roles_sought: suspect",
            "roles_sought",
            "roles_sought must be a list of words out of: suspect, victim, witness, missing, "
            "deceased, unidentified",
        ),
        (
            "  criminal_investigation: reasonable",
            "  curiosity: reasonable",
            "suspicion_minimum.curiosity",
            "suspicion_minimum.curiosity is not a purpose",
        ),
        (
            NO_INSTRUMENT,
            "instruments_required: {curiosity: [court_order]}",
            "instruments_required.curiosity",
            "instruments_required.curiosity is not a purpose",
        ),
        (
            NO_INSTRUMENT,
            "instruments_required: {missing_person: [promise]}",
            "instruments_required.missing_person",
            "instruments_required.missing_person must be a list of words out of: none, "
            "administrative_subpoena, grand_jury_subpoena, court_order, search_warrant, "
            "judicial_warrant_immigration",
        ),
        (
            "  Utah Code 76-6-206: misdemeanor\n",
            "  Utah Code 76-6-206: misdemeanor\n  utah code 76-6-206: felony\n",
            "statutes.utah code 76-6-206",
            "statutes.utah code 76-6-206 stands twice, in two spellings",
        ),
        ("  Utah Code 76-6-206: m", f"  {'x' * 201}: m", "statutes", ""),
        ("76-6-206: misdemeanor", "76-6-206: bad", "statutes.Utah Code 76-6-206", ""),
        *(
            (
                f"{name}: {stands}",
                f"{name}: {value}",
                f"quotas.{name}",
                f"quotas.{name} must be a whole number from 0 to 10000000",
            )
            for name, stands in (
                ("per_person_per_day", "20"),
                ("per_agency_per_day", "200"),
                ("per_gallery_per_day", "2000"),
                ("per_case", "10"),
                ("per_probe", "3"),
            )
            for value in ("-1", "10000001", "true", '"3"')
        ),
        ("  per_probe: 3", "  per_probe: 3\n  per_moon: 3", "quotas.per_moon", ""),
        *(
            (
                "list_size: 30",
                f"list_size: {value}",
                "limits.list_size",
                "limits.list_size must be a whole number from 2 to 50",
            )
            for value in (1, 51)
        ),
        *(
            (
                "grant_minutes: 5",
                f"grant_minutes: {value}",
                "limits.grant_minutes",
                "limits.grant_minutes must be a whole number from 1 to 5",
            )
            for value in (0, 6)
        ),
        ("grant_minutes: 5", "grant_minutes: 5, more: 1", "limits.more", ""),
        *(
            (
                "no_lead_days: 0",
                f"no_lead_days: {value}",
                "retention.no_lead_days",
                "retention.no_lead_days must be a whole number from 0 to 3650",
            )
            for value in (-1, 3651)
        ),
        *(
            (
                "lead_years: 5",
                f"lead_years: {value}",
                "retention.lead_years",
                "retention.lead_years must be a whole number from 1 to 100",
            )
            for value in (0, 101)
        ),
        ("lead_years: 5", "lead_years: 5, more: 1", "retention.more", ""),
        *(
            (
                "embargo_days: 90",
                f"embargo_days: {value}",
                "embargo_days",
                "embargo_days must be a whole number from 0 to 3650",
            )
            for value in (-1, 3651)
        ),
        ("embargo_days: 90", "embargo_days: 90\nmore: 1", "more", ""),
        *(
            (NO_EMERGENCY, f"emergency: {rule}", field, told)
            for rule, field, told in (
                ("{}", "emergency.permitted", ""),
                (
                    "{permitted: 1}",
                    "emergency.permitted",
                    "emergency.permitted must be true or false",
                ),
                ("{permitted: false, waives: [suspicion]}", "emergency.waives", ""),
                *(
                    (
                        f"{{permitted: true, followup_hours: {hours}}}",
                        "emergency.followup_hours",
                        "emergency.followup_hours must be a whole number from 1 to 168",
                    )
                    for hours in ("0", "169", "true", '"48"')
                ),
                ("{permitted: true, followup_hours: null}", "emergency.followup_hours", ""),
                (
                    "{permitted: true, waives: [training]}",
                    "emergency.waives",
                    "emergency.waives must list words, each once, out of: instrument, suspicion",
                ),
                (
                    "{permitted: true, waives: suspicion}",
                    "emergency.waives",
                    "emergency.waives must list words, each once, out of: instrument, suspicion",
                ),
                (
                    "{permitted: true, waives: [1]}",
                    "emergency.waives",
                    "emergency.waives must list words, each once, out of: instrument, suspicion",
                ),
                (
                    "{permitted: true, waives: [suspicion, suspicion]}",
                    "emergency.waives",
                    "emergency.waives must list words, each once, out of: instrument, suspicion",
                ),
                ("{permitted: true, purposes: []}", "emergency.purposes", ""),
                (
                    "{permitted: true, purposes: [missing_person, immigration_enforcement]}",
                    "emergency.purposes",
                    "emergency.purposes immigration enforcement cannot be an emergency",
                ),
                ("{permitted: true, instruments: [promise]}", "emergency.instruments", ""),
                (
                    "{permitted: true, instruments: [court_order, none]}",
                    "emergency.instruments",
                    "emergency.instruments a follow-up must name an instrument",
                ),
                ("{permitted: true, more: 1}", "emergency.more", ""),
            )
        ),
    ],
)
def test_what_is_at_fault_is_named(old: str, new: str, field: str, told: str) -> None:
    found, message = refusal((old, new))
    assert found == field
    assert message == told if told else field.split(".")[0] in message


@pytest.mark.parametrize(
    ("name", "longest", "old"),
    [
        ("name", 100, "name: Utah\n"),
        ("legal_review", 100, "legal_review: required\n"),
        ("notice_to_drivers", 2000, "notice_to_drivers: A notice is given at every licence office"),
    ],
)
def test_texts_have_a_length(name: str, longest: int, old: str) -> None:
    start = old.split(":")[0]

    def of(length: int) -> tuple[str, str]:
        whole = next(line for line in utah().splitlines() if line.startswith(f"{start}:"))
        long = (
            "\n  ".join(["x" * 99] * (length // 100) + ["x" * (length % 100)])
            if length > 400
            else "x" * length
        )
        return whole, f"{start}: >-\n  {long}"

    read_authority(utah(of(longest)).encode())
    assert refusal(of(longest + 1))[0] == name


@pytest.mark.parametrize(
    ("agency", "right"),
    [
        ("abc", True),
        ("a" * 64, True),
        ("1-2", True),
        ("ab", False),
        ("a" * 65, False),
        ("-ab", False),
        ("ab-", False),
        ("a_b", False),
        ("Abc", False),
    ],
)
def test_what_an_agency_may_be_called(agency: str, right: bool) -> None:
    extra = f"\n  {agency}: {{name: X, level: tribal, kind: tribal_police, jurisdiction: US-DC}}"
    change = ("\ngroups:", f"{extra}\ngroups:")
    if right:
        one = read_authority(utah(change).encode()).agencies[agency]
        assert one == Agency(agency, "X", "tribal", "tribal_police", "US-DC")
    else:
        assert refusal(change)[0] == f"agencies.{agency}"


@pytest.mark.parametrize(
    ("kind", "right"),
    [
        ("ab", True),
        ("a" * 32, True),
        ("a", False),
        ("a" * 33, False),
        ("_ab", False),
        ("a1", False),
    ],
)
def test_what_a_kind_of_agency_may_be_called(kind: str, right: bool) -> None:
    change = ("level: local, kind: police", f"level: local, kind: {kind}")
    if right:
        assert read_authority(utah(change).encode()).agencies["us-ut-slcpd"].kind == kind
    else:
        assert refusal(change)[0] == "agencies.us-ut-slcpd.kind"


@pytest.mark.parametrize(
    ("group", "right"),
    [("ab", True), ("a" * 64, True), ("a_1", True), ("a", False), ("a" * 65, False), ("1a", False)],
)
def test_what_a_group_may_be_called(group: str, right: bool) -> None:
    change = ("law_enforcement: [", f"{group}: [")
    if right:
        groups = read_authority(utah(change).encode()).groups
        assert groups == {group: ("us-ut-slcpd", "us-ut-dps", "us-md-msp")}
    else:
        assert refusal(change)[0] == f"groups.{group}"


def test_every_field_is_read_as_it_was_signed() -> None:
    """R-2: what it rests on is public."""
    one = read_authority(
        utah(
            ("prohibition: null", "prohibition: {citation: 1 X, summary: it}"),
            (NO_INSTRUMENT, "instruments_required: {missing_person: [none, court_order]}"),
            ("section: Government use of facial recognition technology", 'section: ""'),
        ).encode()
    )
    assert (one.jurisdiction, one.name, one.legal_review) == ("US-UT", "Utah", "required")
    assert one.instrument == LegalInstrument(
        "statute", "Utah Code 77-23e", "", True, one.instrument.summary
    )
    assert one.instrument.summary.startswith("A government entity may ask")
    assert one.notice_to_drivers.startswith("A notice is given")
    assert one.effective.isoformat() == "2026-01-01T00:00:00-07:00"
    assert one.expires.isoformat() == "2028-01-01T00:00:00-07:00"
    assert one.prohibition == Prohibition("1 X", "it")
    assert set(one.agencies) == {"us-ut-slcpd", "us-ut-dps", "us-ut-dld", "us-md-msp"}
    assert one.roles_sought == {"suspect", "victim", "missing", "deceased", "unidentified"}
    assert one.suspicion_minimum == {Purpose.CRIMINAL_INVESTIGATION: Suspicion.REASONABLE_SUSPICION}
    assert one.instruments_required == {
        Purpose.MISSING_PERSON: {InstrumentType.NONE, InstrumentType.COURT_ORDER}
    }
    assert one.statutes["utahcode76-6-206"] is OffenceTier.MISDEMEANOR
    assert len(one.statutes) == 5
    assert one.quotas == Quotas(20, 200, 2000, 10, 3)
    assert (one.limits, one.retention) == (Limits(30, 5), Retention(0, 5))
    assert (one.embargo_days, one.emergency) == (90, None)


def test_a_states_emergency_rule_is_read_whole() -> None:
    """R-10."""
    rule = (
        "emergency: {permitted: true, followup_hours: 168, purposes: [missing_person], "
        "instruments: [court_order], waives: [instrument, suspicion]}"
    )
    assert read_authority(utah((NO_EMERGENCY, rule)).encode()).emergency == EmergencyRule(
        168, frozenset({Purpose.MISSING_PERSON}), True, frozenset({InstrumentType.COURT_ORDER})
    )
    plain = read_authority(utah((NO_EMERGENCY, "emergency: {permitted: true}")).encode())
    assert plain.emergency == EmergencyRule(
        48,
        frozenset(Purpose) - {Purpose.IMMIGRATION_ENFORCEMENT},
        False,
        frozenset(
            {
                InstrumentType.GRAND_JURY_SUBPOENA,
                InstrumentType.COURT_ORDER,
                InstrumentType.SEARCH_WARRANT,
            }
        ),
    )
    least = "emergency: {permitted: true, followup_hours: 1, waives: [instrument]}"
    found = read_authority(utah((NO_EMERGENCY, least)).encode()).emergency
    assert found is not None
    assert (found.followup_hours, found.waives_suspicion) == (1, False)


def test_a_state_at_its_bounds_is_read() -> None:
    one = read_authority(
        utah(
            ("list_size: 30, grant_minutes: 5", "list_size: 2, grant_minutes: 1"),
            ("no_lead_days: 0, lead_years: 5", "no_lead_days: 3650, lead_years: 100"),
            ("embargo_days: 90", "embargo_days: 3650"),
            ("per_case: 10", "per_case: 10000000"),
            ("per_probe: 3", "per_probe: 0"),
        ).encode()
    )
    assert (one.limits, one.retention) == (Limits(2, 1), Retention(3650, 100))
    assert (one.embargo_days, one.quotas.per_case, one.quotas.per_probe) == (3650, 10_000_000, 0)
    other = utah(("list_size: 30", "list_size: 50"), ("lead_years: 5", "lead_years: 1"))
    assert read_authority(other.encode()).limits.list_size == 50


@pytest.mark.parametrize("kind", ["statute", "agreement", "none"])
@pytest.mark.parametrize("level", ["federal", "state", "local", "tribal"])
def test_each_word_of_an_instrument_and_a_level_is_known(kind: str, level: str) -> None:
    one = read_authority(
        utah(("type: statute", f"type: {kind}"), ("level: local", f"level: {level}")).encode()
    )
    assert (one.instrument.kind, one.agencies["us-ut-slcpd"].level) == (kind, level)
