"""A change of law as a change of answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from onrecord.audit.core.answer_rows import Row, rows
from onrecord.audit.core.answers import answers, space_of
from onrecord.audit.core.authority import Authority
from onrecord.audit.core.policy import StatePolicy
from onrecord.kernel.errors import ErrorCode, OnRecordError


@dataclass(frozen=True, slots=True)
class Term:
    """Something beside the answers that changed: what, from what, to what."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What is allowed only by the new policy, only by the old, and which terms changed.

    `both` and the sizes count cases: agency, beneficiary, purpose, tier, role, suspicion,
    instrument, and what else the policies speak of.
    """

    gained: tuple[Row, ...]
    lost: tuple[Row, ...]
    cases_gained: int
    cases_lost: int
    cases_kept: int
    terms: tuple[Term, ...]

    @property
    def empty(self) -> bool:
        return not (self.gained or self.lost or self.terms)


def compare(old: StatePolicy, new: StatePolicy) -> Difference:
    """The difference between two policies of one state. Raises POLICY_INVALID for two states."""
    if old.authority.jurisdiction != new.authority.jurisdiction:
        raise OnRecordError(
            ErrorCode.POLICY_INVALID,
            f"these are policies of two states, {old.authority.jurisdiction} and "
            f"{new.authority.jurisdiction}",
        )
    space = space_of(old, new)
    before, after = answers(old, space), answers(new, space)
    return Difference(
        gained=rows(after - before, space),
        lost=rows(before - after, space),
        cases_gained=len(after - before),
        cases_lost=len(before - after),
        cases_kept=len(before & after),
        terms=tuple(_changed(_terms(old.authority), _terms(new.authority))),
    )


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[Term]:
    return [
        Term(name, old.get(name, "-"), new.get(name, "-"))
        for name in [*old, *(name for name in new if name not in old)]
        if old.get(name) != new.get(name)
    ]


def _terms(authority: Authority) -> dict[str, str]:
    """What a policy says beside who may ask what. The statute table decides tiers, so it counts."""
    rests_on, quotas, limits = authority.instrument, authority.quotas, authority.limits
    terms = {
        "instrument": f"{rests_on.kind}: {rests_on.citation}",
        "voted by the legislature": "yes" if rests_on.legislature_voted else "no",
        "notice to drivers": authority.notice_to_drivers,
        "effective": authority.effective.isoformat(),
        "expires": authority.expires.isoformat(),
        "legal review": authority.legal_review,
        "prohibition": authority.prohibition.citation if authority.prohibition else "none",
        "list size": str(limits.list_size),
        "grant minutes": str(limits.grant_minutes),
        "days kept without a lead": str(authority.retention.no_lead_days),
        "years kept with a lead": str(authority.retention.lead_years),
        "embargo days": str(authority.embargo_days),
    }
    terms |= {name.replace("_", " "): str(getattr(quotas, name)) for name in quotas.__slots__}
    terms |= {f"tier of {statute}": str(tier) for statute, tier in authority.statutes.items()}
    return terms
