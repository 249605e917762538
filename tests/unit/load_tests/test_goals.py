"""The goals that measurements judge themselves by."""

import json
import tomllib
from pathlib import Path

import pytest

from load_tests.goals import Goal, Kept, goal

_FILE = Path(__file__).resolve().parents[3] / "load_tests" / "goals.toml"


@pytest.mark.parametrize(
    ("value", "reached"), [(0.89, False), (0.90, True), (1.2, True)], ids=["below", "at", "above"]
)
def test_a_floor_is_reached_from_above(value: float, reached: bool) -> None:
    assert Goal("rate", at_least=0.9).reached(value) is reached


@pytest.mark.parametrize(
    ("value", "reached"), [(24.0, True), (25.0, True), (25.1, False)], ids=["below", "at", "above"]
)
def test_a_ceiling_is_reached_from_below(value: float, reached: bool) -> None:
    assert Goal("wait", at_most=25.0).reached(value) is reached


def test_a_verdict_says_the_value_the_outcome_and_the_threshold() -> None:
    assert Goal("rate", at_least=0.9).verdict(0.851) == "0.851, NOT reached (at least 0.9)"


def test_every_goal_of_the_file_is_one_sided() -> None:
    names = tomllib.loads(_FILE.read_text("utf-8"))
    assert names
    for name in names:
        assert (goal(name).at_least is None) != (goal(name).at_most is None), name


def test_a_result_says_what_was_reached(tmp_path: Path) -> None:
    Kept(tmp_path, tmp_path).keep("busy", {"runs": []}, {"busy_qps_ratio": 0.5})
    told = json.loads((tmp_path / "cluster_busy.json").read_text("utf-8"))
    assert told["goals"] == {"busy_qps_ratio": {"value": 0.5, "reached": False}}
    assert told["runs"] == []
