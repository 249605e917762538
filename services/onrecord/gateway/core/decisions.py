"""An examiner's decision as it is sent: every candidate, once, with reasons (R-14)."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from onrecord.contracts.audit import CandidateDecision
from onrecord.contracts.field_reading import Fields, invalid, read_text
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Conclusion
from onrecord.proof import canonical

MAX_METHOD = 64
MAX_REASON = 500
MAX_REASONS = 10
MAX_SECONDS = 24 * 60 * 60


def parse_decision(
    document: dict[str, Any], candidate_refs: Collection[str]
) -> tuple[str, tuple[CandidateDecision, ...]]:
    """Method and decisions, in the order sent.

    Raises FIELD_*, DECISION_UNKNOWN_CANDIDATE for one that is not in this task, and
    DECISION_INCOMPLETE where a candidate is left out.
    """
    fields = Fields(document)
    method = fields.text("method", MAX_METHOD)
    listed = fields.take("decisions")
    fields.finish()
    if not isinstance(listed, list):
        raise invalid("decisions", "must be a list")
    decided: dict[str, CandidateDecision] = {}
    for number, value in enumerate(listed):
        one = Fields(value, f"decisions[{number}]")
        at = one.at("candidate_ref")
        decision = _parse_one(one)
        if decision.candidate_ref not in candidate_refs:
            raise OnRecordError(
                ErrorCode.DECISION_UNKNOWN_CANDIDATE, "that candidate is not in this task", field=at
            )
        if decision.candidate_ref in decided:
            raise invalid(at, "is decided twice")
        decided[decision.candidate_ref] = decision
    missing = len(set(candidate_refs) - set(decided))
    if missing:
        raise OnRecordError(
            ErrorCode.DECISION_INCOMPLETE,
            "every candidate must be decided",
            field="decisions",
            details={"missing": missing},
        )
    return method, tuple(decided.values())


def decision_digest(method: str, decisions: Sequence[CandidateDecision]) -> str:
    """SHA-256 in hexadecimal by which a repeated decision is known."""
    listed = [asdict(decision) for decision in decisions]
    return hashlib.sha256(canonical.encode({"method": method, "decisions": listed})).hexdigest()


def _parse_one(one: Fields) -> CandidateDecision:
    reference = one.text("candidate_ref", 128)
    conclusion = one.word("conclusion", Conclusion)
    reasons = one.take("reasons")
    if not isinstance(reasons, list) or not 1 <= len(reasons) <= MAX_REASONS:
        raise invalid(one.at("reasons"), f"must be a list of 1 to {MAX_REASONS} texts")
    seconds = one.take("seconds")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 <= seconds <= MAX_SECONDS:
        raise invalid(one.at("seconds"), f"must be a whole number from 0 to {MAX_SECONDS}")
    words = tuple(
        read_text(reason, f"{one.at('reasons')}[{number}]", MAX_REASON, lines=True)
        for number, reason in enumerate(reasons)
    )
    one.finish()
    return CandidateDecision(reference, conclusion, words, seconds)
