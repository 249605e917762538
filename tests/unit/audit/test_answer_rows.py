"""R-1: what a policy allows, as rows that people read: nothing lost, nothing added, in order."""

from dataclasses import replace
from typing import Any

import pytest

from onrecord.audit.core.answer_rows import (
    Row,
    instrument_needed,
    listed,
    rows,
    sought_told,
    suspicion_needed,
    tiers_told,
)
from onrecord.audit.core.answers import ANY, Case, Space
from onrecord.audit.core.boxes import boxes
from onrecord.kernel.vocabulary import (
    FederalGround,
    InstrumentType,
    OffenceTier,
    ProbeSource,
    Purpose,
    RoleSought,
    Suspicion,
)

SPACE = Space(
    agencies={"dps": frozenset({"slcpd", "dps"}), "dld": frozenset({"dld"})},
    beneficiaries={"for-z": frozenset({"for-z", "for-a"}), "for-b": frozenset({"for-b"})},
    grounds=(ANY,),
    sources=(ANY,),
)
CASE = Case(
    agency="dps",
    beneficiary="for-z",
    purpose="criminal_investigation",
    tier="felony",
    role="suspect",
    suspicion="none",
    instrument="court_order",
    ground=ANY,
    source=ANY,
)
ROW = Row(
    agencies=("dps", "slcpd"),
    beneficiaries=("for-a", "for-z"),
    purposes=(Purpose.CRIMINAL_INVESTIGATION,),
    tiers=(OffenceTier.FELONY,),
    roles=(RoleSought.SUSPECT,),
    suspicion=(Suspicion.NONE,),
    instruments=(InstrumentType.COURT_ORDER,),
    grounds=(),
    sources=(),
)


def told(*cases: Case) -> list[Row]:
    return list(rows(cases, SPACE))


def test_one_case_is_one_row_of_all_it_stands_for() -> None:
    assert told(CASE) == [ROW]
    assert told() == []
    spoken = CASE._replace(ground="b4", source="body_camera")
    assert told(spoken) == [
        replace(ROW, grounds=(FederalGround.B4,), sources=(ProbeSource.BODY_CAMERA,))
    ]


@pytest.mark.parametrize(
    ("axis", "words", "named", "found"),
    [
        ("agency", ("dps", "dld"), "agencies", ("dld", "dps", "slcpd")),
        ("beneficiary", ("for-b", "for-z"), "beneficiaries", ("for-a", "for-b", "for-z")),
        (
            "purpose",
            ("identify_victim", "criminal_investigation"),
            "purposes",
            (Purpose.CRIMINAL_INVESTIGATION, Purpose.IDENTIFY_VICTIM),
        ),
        (
            "tier",
            ("none", "felony", "violent_felony"),
            "tiers",
            (OffenceTier.VIOLENT_FELONY, OffenceTier.FELONY, OffenceTier.NONE),
        ),
        ("role", ("witness", "victim"), "roles", (RoleSought.VICTIM, RoleSought.WITNESS)),
        (
            "suspicion",
            ("probable_cause", "none"),
            "suspicion",
            (Suspicion.NONE, Suspicion.PROBABLE_CAUSE),
        ),
        (
            "instrument",
            ("search_warrant", "court_order"),
            "instruments",
            (InstrumentType.COURT_ORDER, InstrumentType.SEARCH_WARRANT),
        ),
        ("ground", ("b9", "b1"), "grounds", (FederalGround.B1, FederalGround.B9)),
        (
            "source",
            ("other", "body_camera"),
            "sources",
            (ProbeSource.BODY_CAMERA, ProbeSource.OTHER),
        ),
    ],
)
def test_cases_that_differ_in_one_word_are_one_row(
    axis: str, words: tuple[str, ...], named: str, found: tuple[Any, ...]
) -> None:
    """The words stand in the vocabulary's order, names in the alphabet's."""
    assert told(*(CASE._replace(**{axis: word}) for word in words)) == [
        replace(ROW, **{named: found})
    ]


def test_who_and_for_what_stay_apart() -> None:
    """Rows for an agency are not taken apart so that its purposes are together, nor the reverse."""
    cases = [
        CASE._replace(agency=agency, purpose=purpose, suspicion=suspicion)
        for agency, purpose, suspicion in (
            ("dps", "missing_person", "none"),
            ("dps", "missing_person", "probable_cause"),
            ("dld", "missing_person", "none"),
        )
    ]
    found = told(*cases)
    assert [(one.agencies, [str(word) for word in one.suspicion]) for one in found] == [
        (("dld",), ["none"]),
        (("dps", "slcpd"), ["none", "probable_cause"]),
    ]


def test_rows_stand_in_the_order_of_purposes_then_agencies_then_tiers_then_the_rest() -> None:
    wanted = [
        CASE._replace(agency="dld", tier="infraction", suspicion="probable_cause"),
        CASE._replace(tier="violent_felony", suspicion="reasonable_suspicion"),
        CASE._replace(suspicion="none", instrument="search_warrant", role="witness"),
        CASE._replace(suspicion="probable_cause", instrument="grand_jury_subpoena", role="victim"),
        CASE._replace(
            purpose="identify_victim", tier="none", role="suspect", instrument="none", agency="dld"
        ),
    ]
    found = told(*reversed(wanted))
    assert found == [row for one in wanted for row in told(one)]
    by_instrument = [
        CASE._replace(instrument="court_order", beneficiary="for-z", role="witness"),
        CASE._replace(instrument="search_warrant", beneficiary="for-b", role="suspect"),
    ]
    assert told(*reversed(by_instrument)) == [row for one in by_instrument for row in told(one)]
    by_role = [
        CASE._replace(beneficiary="for-z", role="suspect"),
        CASE._replace(beneficiary="for-b", role="victim"),
    ]
    assert told(*reversed(by_role)) == [row for one in by_role for row in told(one)]


def test_a_row_for_machines() -> None:
    assert replace(ROW, grounds=(FederalGround.B4,)).to_json() == {
        "agencies": ["dps", "slcpd"],
        "beneficiaries": ["for-a", "for-z"],
        "purposes": ["criminal_investigation"],
        "tiers": ["felony"],
        "roles": ["suspect"],
        "suspicion": ["none"],
        "instruments": ["court_order"],
        "grounds": ["b4"],
        "sources": [],
    }


@pytest.mark.parametrize(
    ("suspicion", "text"),
    [
        (tuple(Suspicion), ""),
        (
            (Suspicion.REASONABLE_SUSPICION, Suspicion.PROBABLE_CAUSE),
            "at least reasonable suspicion",
        ),
        ((Suspicion.PROBABLE_CAUSE,), "probable cause"),
        ((Suspicion.REASONABLE_SUSPICION,), "reasonable suspicion"),
        ((Suspicion.NONE, Suspicion.PROBABLE_CAUSE), "none and probable cause"),
        ((Suspicion.NONE,), "none"),
    ],
)
def test_the_suspicion_that_is_needed(suspicion: tuple[Suspicion, ...], text: str) -> None:
    assert suspicion_needed(replace(ROW, suspicion=suspicion)) == text


INSTRUMENTS = tuple(InstrumentType)
REAL = INSTRUMENTS[1:]


@pytest.mark.parametrize(
    ("instruments", "text"),
    [
        (INSTRUMENTS, ""),
        (REAL, "any legal instrument"),
        (
            REAL[:-1],
            "an administrative subpoena, a grand jury subpoena, a court order or a search warrant",
        ),
        (
            INSTRUMENTS[:-1],
            "none, an administrative subpoena, a grand jury subpoena, a court order or a search "
            "warrant",
        ),
        ((InstrumentType.NONE,), "none"),
        ((InstrumentType.NONE, InstrumentType.COURT_ORDER), "none or a court order"),
        ((InstrumentType.JUDICIAL_WARRANT_IMMIGRATION,), "a judicial warrant (immigration)"),
    ],
)
def test_the_instrument_that_is_needed(instruments: tuple[InstrumentType, ...], text: str) -> None:
    assert instrument_needed(replace(ROW, instruments=instruments)) == text


@pytest.mark.parametrize(
    ("tiers", "text"),
    [
        (tuple(OffenceTier), "any offence or no offence"),
        (tuple(OffenceTier)[:-1], "any offence"),
        (tuple(OffenceTier)[:-2], "violent felony, felony or misdemeanor"),
        ((OffenceTier.FELONY, OffenceTier.NONE), "felony or no offence"),
        ((OffenceTier.NONE,), "no offence"),
    ],
)
def test_tiers_as_people_say_them(tiers: tuple[OffenceTier, ...], text: str) -> None:
    assert tiers_told(iter(tiers)) == text


def test_whom_one_seeks_as_people_say_it() -> None:
    assert sought_told(RoleSought) == (
        "a suspect, a victim, a witness, a missing person, a dead person or an unidentified person"
    )
    assert listed(["a_b", "c", 4]) == "a b, c and 4"
    assert listed(["a_b"]) == "a b"


def box(*words: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(word) for word in words)


def test_boxes_merge_the_first_axis_of_the_order_first() -> None:
    corner = [("a", "x"), ("b", "x"), ("a", "y")]
    assert boxes(corner, [0, 1]) == (box("a", "y"), box("ab", "x"))
    assert boxes(corner, [1, 0]) == (box("a", "xy"), box("b", "x"))
    assert boxes([], [0, 1]) == ()


def test_boxes_are_merged_until_none_are_left() -> None:
    cases = [("a", "x", "1"), ("a", "y", "1"), ("b", "x", "1"), ("b", "y", "1"), ("b", "y", "2")]
    assert boxes(cases, [2, 1, 0]) == (box("a", "xy", "1"), box("b", "x", "1"), box("b", "y", "12"))
    square = [(one, other) for one in "ab" for other in "xy"]
    assert boxes(square, [0, 1]) == (box("ab", "xy"),)
    late = [("b", "z"), ("a", "z"), ("b", "x"), ("a", "y")]
    assert boxes(late, [0, 1]) == (box("a", "y"), box("ab", "z"), box("b", "x"))
