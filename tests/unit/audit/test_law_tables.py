"""R-3, R-5, R-6, R-7, R-10, law 5: what stands in tables, written out a second time and whole.

A row that is changed, lost or added in the code differs from the one here.
"""

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.audit.core import guards, guards_state
from onrecord.audit.core.authority import Agency, Authority
from onrecord.audit.core.authority_reading import read_authority
from onrecord.audit.core.emergency_reading import COURT_INSTRUMENTS
from onrecord.audit.core.guards import Asked
from onrecord.audit.core.immigration_law import cites_immigration_law
from onrecord.audit.core.strict_yaml import read_yaml
from onrecord.contracts.request_parsing import parse_request
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import (
    FederalGround,
    InstrumentType,
    OffenceTier,
    Purpose,
    Role,
    RoleSought,
    Suspicion,
)
from tests.builders.audit import REQUEST, START
from tests.builders.laws import WARRANT, utah

UTAH = read_authority(utah().encode())
CLAIMS = Claims(
    subject="account",
    person="olsen",
    agency="us-ut-slcpd",
    roles=frozenset({Role.REQUESTER}),
    expires_at=START,
    token_id="t",
    training_completed=date(2026, 6, 1),
)


def asked(agency: str = "us-ut-slcpd", **changes: Any) -> Asked:
    request = parse_request({**REQUEST, **changes})
    return Asked(request, replace(CLAIMS, agency=agency), START)


def an(instrument: InstrumentType | str) -> dict[str, str]:
    return {"type": "none"} if instrument == "none" else {**WARRANT, "type": str(instrument)}


def code(reason: Any) -> ErrorCode | None:
    return None if reason is None else reason.code


# Whom each purpose can be after: suspect, victim, witness, missing, deceased, unidentified.
SOUGHT = {
    "criminal_investigation": "yes yes yes no  no  no",
    "identify_victim": "       no  yes no  no  yes yes",
    "identify_witness": "      no  no  yes no  no  no",
    "missing_person": "        no  yes no  yes no  yes",
    "deceased_identification": "no  no  no  no  yes yes",
    "unidentified_person": "   no  no  no  no  yes yes",
    "licence_fraud": "         yes yes no  no  no  no",
    "immigration_enforcement": "yes no  no  no  no  yes",
}


@pytest.mark.parametrize("purpose", Purpose)
def test_whom_each_purpose_can_be_after(purpose: Purpose) -> None:
    """R-6, R-7."""
    roles = ("suspect", "victim", "witness", "missing", "deceased", "unidentified")
    assert set(roles) == set(RoleSought)
    for role, fits in zip(roles, SOUGHT[purpose].split(), strict=True):
        found = guards.role_fits_purpose(asked(purpose=purpose, role_sought=role))
        assert code(found) == (None if fits == "yes" else ErrorCode.ROLE_SOUGHT_MISMATCH), role


@pytest.mark.parametrize("ground", FederalGround)
@pytest.mark.parametrize("purpose", Purpose)
def test_which_federal_ground_carries_which_purpose(ground: str, purpose: Purpose) -> None:
    """R-3: (1) and (4) any; (6) and (9) the hunt for fraud alone."""
    carried = ground in ("b1", "b4") or purpose is Purpose.LICENCE_FRAUD
    found = guards.federal_ground(
        asked(federal_ground=ground, purpose=purpose, instrument=an("court_order"))
    )
    assert code(found) == (None if carried else ErrorCode.FEDERAL_GROUND_MISSING)


@pytest.mark.parametrize("ground", ["b1", "b4"])
@pytest.mark.parametrize("instrument", InstrumentType)
def test_what_a_court_has_ordered_names_an_order(ground: str, instrument: InstrumentType) -> None:
    """R-3: (4) alone asks for one, and an administrative subpoena is no court's."""
    of_a_court = {
        "grand_jury_subpoena",
        "court_order",
        "search_warrant",
        "judicial_warrant_immigration",
    }
    found = guards.federal_ground(asked(federal_ground=ground, instrument=an(instrument)))
    fits = ground == "b1" or instrument in of_a_court
    assert code(found) == (None if fits else ErrorCode.FEDERAL_GROUND_MISSING)


@pytest.mark.parametrize("tier", OffenceTier)
@pytest.mark.parametrize("purpose", Purpose)
def test_which_purpose_must_name_an_offence(purpose: Purpose, tier: OffenceTier) -> None:
    """R-6."""
    must = purpose in ("criminal_investigation", "licence_fraud", "immigration_enforcement")
    statute = "" if tier == "none" else "Utah Code 76-6-302"
    found = guards.prohibited_purpose(
        asked(purpose=purpose, offence={"statute": statute, "tier": tier})
    )
    refused = must and tier == "none"
    assert code(found) == (ErrorCode.PURPOSE_PROHIBITED if refused else None)


@pytest.mark.parametrize("instrument", InstrumentType)
def test_immigration_enforcement_takes_one_instrument(instrument: InstrumentType) -> None:
    """R-5: what another court has ordered is not it."""
    found = guards.immigration(asked(purpose="immigration_enforcement", instrument=an(instrument)))
    judged = instrument == "judicial_warrant_immigration"
    assert code(found) == (None if judged else ErrorCode.IMMIGRATION_REFUSED)


@pytest.mark.parametrize(
    "statute",
    [
        "8 U.S.C. § 1326",
        "8 U. S. C. 1326",
        "8-usc-1326",
        "8USC1325(a)",
        "8 U.S.C.A. § 1326",
        "8 U.S.C.S. § 1326",
        "8 U.S. Code § 1326",
        "8 USCode 1326",
        "8 United States Code 1326",
        "Title 8, United States Code, section 1325",
        "Title 8 of the United States Code, section 1325",
        "Title 8 of United States Code",
        "Title VIII, U.S.C.",
        "Title eight, U.S. Code",
        "United States Code, Title 8, section 1326",
        "U.S.C. Title VIII § 1326",
        "8 CFR 214.1",
        "8 C.F.R. § 214.1",
        "Title 8, Code of Federal Regulations",
        "Code of Federal Regulations, title 8",
        "INA § 275",
        "INA275",
        "I.N.A. 275",
        "INA sec. 275",
        "INAsec275",
        "INAs 275",
        "INAsection275",
        "violates INA § 275",
        "section 275 of the INA",
        "Immigration and Nationality Act, sec. 276",
        "Immigration & Nationality Act § 276",
        "ImmigrationAndNationalityAct 276",
        "the Immigration Nationality Act",
        "18 U.S.C. 1546 and 8 U.S.C. 1324",
        "\u00a78\u00a0\uff35.S.C.\u00a01326",
        "8 U\u200bSC 1326",
        "\u00cdNA 275",
    ],
)
def test_immigration_law_is_seen_however_it_is_cited(statute: str) -> None:
    """R-5."""
    assert cites_immigration_law(statute)


@pytest.mark.parametrize(
    "statute",
    [
        "",
        "18 U.S.C. § 1546",
        "28 U.S.C. 8",
        "88 U.S.C. 1",
        "18 CFR 8",
        "Title 18, United States Code, section 8",
        "United States Code, Title 18, section 8",
        "United States Code, Title 88",
        "Utah Code Title 8, chapter 3",
        "Title 8, Vermont Statutes",
        "Md. Code, Criminal Law § 8-301",
        "Indiana Code 35-42",
        "Nationality Act of another land",
        "Carolina Gen. Stat. 14-8",
        "inas" + "much 8",
        "8 codes of honour",
        "U.S.C. subtitle 8",
        "viiii U.S.C.",
    ],
)
def test_what_is_not_immigration_law_is_not_taken_for_it(statute: str) -> None:
    """R-5: else a state's own Title 8 could not be enforced."""
    assert not cites_immigration_law(statute)


@pytest.mark.parametrize("least", Suspicion)
@pytest.mark.parametrize("stated", Suspicion)
def test_suspicion_is_enough_from_the_states_least_on(least: Suspicion, stated: Suspicion) -> None:
    order = ["none", "reasonable_suspicion", "probable_cause"]
    law = replace(UTAH, suspicion_minimum={Purpose.CRIMINAL_INVESTIGATION: least})
    found = guards_state.suspicion(asked(suspicion=stated), law)
    enough = order.index(stated) >= order.index(least)
    assert code(found) == (None if enough else ErrorCode.SUSPICION_TOO_LOW)


def test_a_purpose_without_a_least_suspicion_takes_any() -> None:
    law = replace(UTAH, suspicion_minimum={Purpose.MISSING_PERSON: Suspicion.PROBABLE_CAUSE})
    assert guards_state.suspicion(asked(suspicion="none"), law) is None


# On which grounds an agency of a kind may rest: (1), (4), (6), (9).
GROUNDS = {
    "police": "yes yes no  no",
    "prosecutor": "yes yes no  no",
    "court": "yes yes no  no",
    "immigration": "yes yes no  no",
    "licensing": "yes no  no  no",
    "insurance": "no  no  yes yes",
    "employer": "no  no  no  yes",
    "a_kind_of_tomorrow": "yes no  no  no",
}


def with_agency(kind: str) -> Authority:
    one = Agency("us-ut-one", "One", "state", kind, "US-UT")
    return replace(UTAH, agencies={**UTAH.agencies, "us-ut-one": one})


@pytest.mark.parametrize("kind", GROUNDS)
def test_whose_ground_each_is(kind: str) -> None:
    """R-3."""
    for ground, own in zip(("b1", "b4", "b6", "b9"), GROUNDS[kind].split(), strict=True):
        one = asked(
            "us-ut-one",
            federal_ground=ground,
            purpose="licence_fraud",
            instrument=an("court_order"),
        )
        found = guards_state.ground_fits_agency(one, with_agency(kind))
        assert code(found) == (None if own == "yes" else ErrorCode.FEDERAL_GROUND_MISSING), ground


def test_a_ground_that_is_refused_already_is_not_refused_twice() -> None:
    one = asked("us-ut-one", federal_ground="b6")  # (6) does not carry a criminal investigation
    assert guards.federal_ground(one) is not None
    assert guards_state.ground_fits_agency(one, with_agency("police")) is None


@pytest.mark.parametrize(
    ("asking", "benefiting", "refused"),
    [
        ("us-ut-one", "us-ut-slcpd", True),
        ("us-ut-slcpd", "us-ut-one", True),
        ("us-nv-unknown", "us-ut-one", True),
        ("us-ut-one", "us-nv-unknown", True),
        ("us-ut-slcpd", "us-ut-dps", False),
        ("us-nv-unknown", "us-nv-unknown", False),
    ],
)
def test_an_immigration_agency_on_either_side_makes_it_enforcement(
    asking: str, benefiting: str, refused: bool
) -> None:
    """R-5."""
    law = with_agency("immigration")
    one = asked(asking, beneficiary_agency=benefiting)
    expected = ErrorCode.IMMIGRATION_REFUSED if refused else None
    assert code(guards_state.immigration_agency(one, law)) == expected
    said_so = asked(asking, beneficiary_agency=benefiting, purpose="immigration_enforcement")
    assert guards_state.immigration_agency(said_so, law) is None


@pytest.mark.parametrize(
    ("days", "refused"), [(0, False), (1, False), (2, True), (-1, False), (400, True)]
)
def test_an_instrument_dated_after_tomorrow_is_none(days: int, refused: bool) -> None:
    """R-7: tomorrow has begun somewhere; the day after has not."""
    dated = (START + timedelta(days=days)).date().isoformat()
    found = guards.instrument_date(asked(instrument={**WARRANT, "date": dated}))
    assert code(found) == (ErrorCode.INSTRUMENT_REQUIRED if refused else None)


def test_what_must_follow_an_emergency_comes_from_a_court() -> None:
    """R-10: and never from the court of another purpose."""
    assert set(COURT_INSTRUMENTS) == {"grand_jury_subpoena", "court_order", "search_warrant"}


# What a scalar without quotes may be: a text, a whole number, true, false, null, an instant.
_RESOLVER = yaml.SafeLoader("")
_SCALARS = st.text(alphabet="0127_.:+-~=<>eExXoObBafINyYnNtTrRuUlLsS", max_size=9)


@given(
    _SCALARS
    | st.sampled_from([".5", "-0x1F", "+0b1", "1:30.5", "1_0:30", "190:20:30.15", "=", "<<"])
    | st.from_regex(r"[-+]?[0-9_]{0,3}\.?[0-9_]{0,3}(e[-+]?[0-9]{1,2})?", fullmatch=True)
    | st.from_regex(r"(?i)y|n|yes|no|on|off|true|false|null|~|\.inf|\.nan", fullmatch=True)
)
@settings(max_examples=1500, deadline=None)
def test_no_scalar_is_read_otherwise_than_yaml_1_1_would(text: str) -> None:
    """Law 5: what YAML 1.1 takes for a number, a truth or nothing is that, or is refused."""
    try:
        ours = read_yaml(f"- {text}\n".encode())
    except OnRecordError:
        return
    if ours != [text]:  # a list within, a comment, a value: what the library makes of it
        assert ours == yaml.safe_load(f"- {text}\n")
        return
    kind = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    assert re.fullmatch(r"tag:yaml.org,2002:(str|timestamp)", kind), kind


@pytest.mark.parametrize(
    "scalar",
    [
        *"yYnN",
        *("yes", "Yes", "NO", "on", "Off", "~", "=", "<<", "True", "FALSE", "Null", "NULL"),
        *("+1", "-0", "01", "1_000", "1.", "1.5", "1e3", "1.5E+3", ".5", "-.5", "+1.e-3"),
        *("0x1f", "-0X1F", "0o17", "0b101", "+0b1", "1:30", "-1:30", "1_0:30", "1:30.5"),
        *(".inf", "-.INF", "+.Inf", ".nan", ".NaN"),
        "12345678901234567",
    ],
)
def test_a_scalar_with_several_readings_is_refused_unless_quoted(scalar: str) -> None:
    """Law 5."""
    with pytest.raises(OnRecordError, match="several readings"):
        read_yaml(f"a: {scalar}\n".encode())
    assert read_yaml(f'a: "{scalar}"\n'.encode()) == {"a": scalar}


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("0", 0),
        ("7", 7),
        ("-7", -7),
        ("1234567890123456", 1234567890123456),
        ("2026-01-01T00:00:00-07:00", "2026-01-01T00:00:00-07:00"),
        ("76-6-302", "76-6-302"),
        ("yesterday", "yesterday"),
        ("off-duty", "off-duty"),
        ("1:75", "1:75"),
        ("not-a-number", "not-a-number"),
    ],
)
def test_a_scalar_with_one_reading_is_read(scalar: str, value: object) -> None:
    """Law 5."""
    assert read_yaml(f"a: {scalar}\n".encode()) == {"a": value}


def test_no_invisible_character_takes_a_statute_out_of_the_table() -> None:
    """R-7."""
    for hidden in ("\u00ad", "\u200b", "\u2060"):
        assert UTAH.listed_tier(f"Utah Code 76-6{hidden}-206") is OffenceTier.MISDEMEANOR
