"""Policies of the example states, and the same with something else in them."""

from onrecord.audit.core.policy import StatePolicy, read_policy
from tests.builders.audit import POLICIES

UTAH_CEDAR = (POLICIES / "US-UT" / "policy.cedar").read_text("utf-8")
UTAH_YAML = (POLICIES / "US-UT" / "authority.yaml").read_text("utf-8")


def example(state: str) -> StatePolicy:
    folder = POLICIES / state
    return read_policy(
        (folder / "policy.cedar").read_bytes(), (folder / "authority.yaml").read_bytes(), state
    )


def utah(cedar: str = UTAH_CEDAR, yaml: str = UTAH_YAML) -> StatePolicy:
    return read_policy(cedar.encode(), yaml.encode(), "US-UT")


def replaced(text: str, old: str, new: str) -> str:
    """The text with `old` replaced; it must be there, or a test would compare a thing to itself."""
    assert old in text, f"{old!r} is not in the example"
    return text.replace(old, new)
