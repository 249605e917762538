"""Answers as rows that people read: whom, for whom, for what, with what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from onrecord.audit.core.answers import ANY, Case, Space
from onrecord.audit.core.boxes import Box, boxes
from onrecord.audit.core.reasons import words
from onrecord.kernel.vocabulary import (
    FederalGround,
    InstrumentType,
    OffenceTier,
    ProbeSource,
    Purpose,
    RoleSought,
    Suspicion,
)

Word = TypeVar("Word", bound=StrEnum)

_AXES = Case._fields
# What most often makes no difference is merged first, so that who and for what stay apart.
_ORDER = tuple(
    _AXES.index(name)
    for name in (
        "instrument",
        "suspicion",
        "source",
        "ground",
        "role",
        "beneficiary",
        "tier",
        "purpose",
        "agency",
    )
)


_SOUGHT = {
    RoleSought.SUSPECT: "a suspect",
    RoleSought.VICTIM: "a victim",
    RoleSought.WITNESS: "a witness",
    RoleSought.MISSING: "a missing person",
    RoleSought.DECEASED: "a dead person",
    RoleSought.UNIDENTIFIED: "an unidentified person",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that may be asked: every combination of the words. All in vocabulary order.

    Empty `grounds` or `sources`: the policy does not speak of them.
    """

    agencies: tuple[str, ...]
    beneficiaries: tuple[str, ...]
    purposes: tuple[Purpose, ...]
    tiers: tuple[OffenceTier, ...]
    roles: tuple[RoleSought, ...]
    suspicion: tuple[Suspicion, ...]
    instruments: tuple[InstrumentType, ...]
    grounds: tuple[FederalGround, ...]
    sources: tuple[ProbeSource, ...]

    def to_json(self) -> dict[str, list[str]]:
        return {name: [str(one) for one in getattr(self, name)] for name in self.__slots__}


def rows(cases: Iterable[Case], space: Space) -> tuple[Row, ...]:
    """The cases in as few rows as can be read off them, in the order of purposes."""
    found = [_row(box, space) for box in boxes(cases, _ORDER)]
    return tuple(sorted(found, key=_place))


def suspicion_needed(row: Row) -> str:
    """`at least reasonable suspicion`, or '' where none is needed."""
    ladder = list(Suspicion)
    if row.suspicion == tuple(ladder):
        return ""
    if row.suspicion == tuple(ladder[ladder.index(row.suspicion[0]) :]):
        top = row.suspicion[0] is ladder[-1]
        return ("" if top else "at least ") + words(row.suspicion[0])
    return listed(row.suspicion)


def instrument_needed(row: Row) -> str:
    """`a court order or a search warrant`, or '' where none is needed."""
    if len(row.instruments) == len(InstrumentType):
        return ""
    named = [_instrument(one) for one in row.instruments if one is not InstrumentType.NONE]
    if len(named) == len(InstrumentType) - 1:
        return "any legal instrument"
    none = ["none"] if InstrumentType.NONE in row.instruments else []
    return listed([*none, *named], "or")


def tiers_told(tiers: Iterable[OffenceTier]) -> str:
    """`violent felony or felony`; `any offence or none`."""
    found = tuple(tiers)
    named = [words(one) for one in found if one is not OffenceTier.NONE]
    if len(named) == len(OffenceTier) - 1:
        named = ["any offence"]
    return listed([*named, *(["no offence"] if OffenceTier.NONE in found else [])], "or")


def sought_told(roles: Iterable[RoleSought]) -> str:
    """`a suspect, a victim or a missing person`."""
    return listed((_SOUGHT[one] for one in roles), "or")


def listed(items: Iterable[object], last: str = "and") -> str:
    """`a, b and c`, as people write words of a vocabulary."""
    told = [words(str(item)) for item in items]
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} {last} {told[-1]}"


def _instrument(one: InstrumentType) -> str:
    if one is InstrumentType.JUDICIAL_WARRANT_IMMIGRATION:
        return "a judicial warrant (immigration)"
    return ("an " if one is InstrumentType.ADMINISTRATIVE_SUBPOENA else "a ") + words(one)


def _row(box: Box, space: Space) -> Row:
    of = dict(zip(_AXES, box, strict=True))
    return Row(
        agencies=_members(of["agency"], space.agencies),
        beneficiaries=_members(of["beneficiary"], space.beneficiaries),
        purposes=_in_order(of["purpose"], Purpose),
        tiers=_in_order(of["tier"], OffenceTier),
        roles=_in_order(of["role"], RoleSought),
        suspicion=_in_order(of["suspicion"], Suspicion),
        instruments=_in_order(of["instrument"], InstrumentType),
        grounds=_in_order(of["ground"], FederalGround),
        sources=_in_order(of["source"], ProbeSource),
    )


def _members(found: frozenset[str], alike: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for one in found for name in alike[one]}))


def _in_order(found: frozenset[str], vocabulary: type[Word]) -> tuple[Word, ...]:
    return () if found == {ANY} else tuple(word for word in vocabulary if word.value in found)


def _place(row: Row) -> tuple[object, ...]:
    purposes, tiers = list(Purpose), list(OffenceTier)
    return (
        [purposes.index(one) for one in row.purposes],
        row.agencies,
        [tiers.index(one) for one in row.tiers],
        row.suspicion,
        row.instruments,
        row.roles,
    )
