"""Rows of answers, set as text."""

from collections.abc import Mapping, Sequence

from onrecord.audit.core.answer_rows import (
    Row,
    instrument_needed,
    listed,
    sought_told,
    suspicion_needed,
    tiers_told,
)
from onrecord.audit.core.answers import UNLISTED
from onrecord.audit.core.authority import Agency, Authority
from onrecord.cli.policy.layout import line, titled
from onrecord.kernel.vocabulary import RoleSought


def say_rows(rows: Sequence[Row], agencies: Mapping[str, Agency], mark: str = "") -> None:
    """Each row: who, and under them for what. Agencies that ask for the same stand once."""
    before: tuple[str, ...] = ()
    for row in sorted(rows, key=lambda one: one.agencies):
        if row.agencies != before:
            line(listed(_names(row.agencies, agencies)), 2, hang=2)
            before = row.agencies
        first, *more = sentences(row, agencies)
        titled(mark, first, width=2, indent=4)
        for text in more:
            titled("", text, width=4, indent=4)


def sentences(row: Row, agencies: Mapping[str, Agency]) -> list[str]:
    """`criminal investigation: violent felony or felony`, and what it needs."""
    told = [f"{listed(row.purposes, 'or')}, in cases of {tiers_told(row.tiers)}"]
    needs = [text for text in (suspicion_needed(row), instrument_needed(row)) if text]
    if needs:
        told.append(f"needs {listed(needs)}")
    if len(row.roles) < len(RoleSought):
        told.append(f"to find {sought_told(row.roles)}")
    for_whom = for_whom_text(row, agencies)
    if for_whom:
        told.append(for_whom)
    if row.grounds:
        told.append(f"on 18 USC 2721(b)({listed((one[1:] for one in row.grounds), 'or')})")
    if row.sources:
        told.append(f"from a {listed(row.sources, 'or')}")
    return told


def for_whom_text(row: Row, agencies: Mapping[str, Agency]) -> str:
    """For whom the search may be made, where that is not every agency that is listed."""
    if set(agencies) == set(row.beneficiaries):
        return ""
    if UNLISTED in row.beneficiaries and set(agencies) < set(row.beneficiaries):
        return "for anybody"
    return f"on behalf of {listed(_names(row.beneficiaries, agencies), 'or')}"


def say_emergency(authority: Authority) -> None:
    """What may wait in an emergency (R-10). Nothing, where the state says nothing."""
    rule = authority.emergency
    if rule is None:
        return
    line(
        f"In an emergency, for {listed(sorted(rule.purposes), 'or')}: the instrument"
        f"{' and the suspicion' if rule.waives_suspicion else ''} may follow within "
        f"{rule.followup_hours} hours",
        2,
        hang=2,
    )


def _names(ids: Sequence[str], agencies: Mapping[str, Agency]) -> list[str]:
    return [agencies[one].name if one in agencies else one.replace("-", " ") for one in ids]
