"""Reading `emergency` of `authority.yaml` (R-10). What is left out is what protects more.

`permitted: true` alone lets the instrument wait that the state demands for the purpose, for 48
hours, and the follow-up must name that very kind of instrument.
"""

from collections.abc import Mapping
from typing import TypeVar

from onrecord.audit.core.authority import DEFAULT_FOLLOWUP_HOURS, EmergencyRule
from onrecord.contracts.field_reading import Fields
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import InstrumentType, Purpose

MAX_FOLLOWUP_HOURS = 168
COURT_INSTRUMENTS = frozenset(
    {
        InstrumentType.GRAND_JURY_SUBPOENA,
        InstrumentType.COURT_ORDER,
        InstrumentType.SEARCH_WARRANT,
    }
)
_INSTRUMENT, _SUSPICION = "instrument", "suspicion"
_NEVER = frozenset({Purpose.IMMIGRATION_ENFORCEMENT})

Word = TypeVar("Word")


def read_emergency(fields: Fields) -> EmergencyRule | None:
    """The rule; None where the state permits no emergency. Raises POLICY_INVALID, FIELD_*."""
    permitted = fields.take("permitted")
    if not isinstance(permitted, bool):
        raise _invalid(fields.at("permitted"), "must be true or false")
    if not permitted:
        fields.finish()
        return None
    hours = fields.take("followup_hours") if fields.has("followup_hours") else None
    if hours is None:
        hours = DEFAULT_FOLLOWUP_HOURS
    elif (
        isinstance(hours, bool) or not isinstance(hours, int) or not 0 < hours <= MAX_FOLLOWUP_HOURS
    ):
        raise _invalid(
            fields.at("followup_hours"), f"must be a whole number from 1 to {MAX_FOLLOWUP_HOURS}"
        )
    purposes = _some(fields, "purposes", {one.value: one for one in Purpose})
    instruments = _some(fields, "instruments", {one.value: one for one in InstrumentType})
    waives = _some(fields, "waives", {one: one for one in (_INSTRUMENT, _SUSPICION)})
    fields.finish()
    if purposes is not None and purposes & _NEVER:
        raise _invalid("emergency.purposes", "immigration enforcement cannot be an emergency")
    if instruments is not None and InstrumentType.NONE in instruments:
        raise _invalid("emergency.instruments", "a follow-up must name an instrument")
    return EmergencyRule(
        followup_hours=hours,
        purposes=(frozenset(Purpose) if purposes is None else purposes) - _NEVER,
        waives_suspicion=waives is not None and _SUSPICION in waives,
        instruments=COURT_INSTRUMENTS if instruments is None else instruments,
    )


def _some(fields: Fields, name: str, vocabulary: Mapping[str, Word]) -> frozenset[Word] | None:
    """A list of words, or None where there is none."""
    if not fields.has(name):
        return None
    values = fields.take(name)
    if (
        not isinstance(values, list)
        or not values
        or not all(isinstance(one, str) and one in vocabulary for one in values)
        or len(set(values)) != len(values)
    ):
        raise _invalid(
            fields.at(name), f"must list words, each once, out of: {', '.join(vocabulary)}"
        )
    return frozenset(vocabulary[one] for one in values)


def _invalid(path: str, why: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.POLICY_INVALID, f"authority.yaml is refused: {path} {why}", field=path
    )
