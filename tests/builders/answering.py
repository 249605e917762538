"""What a policy answers, asked once: the same policy over the same space answers the same."""

from typing import Any

import pytest

from onrecord.audit.core.answers import Case, Space, answers
from onrecord.audit.core.policy import StatePolicy

_ANSWERED: list[tuple[str, StatePolicy, Space, frozenset[Case]]] = []


def answered(state: StatePolicy, space: Space) -> frozenset[Case]:
    """`answers`; Utah's alone are 36,000 evaluations, and many tests begin with them."""
    cedar = str(state.policies)
    for text, known, within, found in _ANSWERED:
        if (text, known, within) == (cedar, state, space):
            return found
    found = answers(state, space)
    _ANSWERED.append((cedar, state, space, found))
    return found


def asked_once(monkeypatch: pytest.MonkeyPatch, *places: Any) -> None:
    """What these modules ask of `answers` is asked once a process."""
    for place in places:
        assert place.answers is answers
        monkeypatch.setattr(place, "answers", answered)
