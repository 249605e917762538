"""R-43: dashboards are what Python makes, are told apart, and say what they show."""

import itertools
import re
from collections import Counter
from typing import Any

import pytest

from deploy.grafana.__main__ import files
from tests.monitoring.reading import FOLDER, ROOT, RULES, PanelFound, dashboards, panels, unfolded

WIDTH = 24
BOARDS = dashboards()
PANELS = list(panels())
WANTED = ("overview", "search", "enrolment", "inference", "galleries", "ledger", "casework")
RUNBOOKS = set(
    re.findall(
        r"runbook_url: (\S+)", "".join(path.read_text("utf-8") for path in RULES.glob("*.yaml"))
    )
)
SHORT = 6
"""The most panels that stand side by side."""


def test_the_json_is_what_python_makes() -> None:
    """`make dashboards` was run."""
    there = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert there == files()
    assert sorted(there) == sorted(f"onrecord-{one}.json" for one in WANTED)


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_is_told_from_others(name: str) -> None:
    board = BOARDS[name]
    assert board["uid"] == name
    assert "id" not in board or board["id"] is None
    assert board["title"].startswith("OnRecord / ")
    assert len(board["description"]) > 60
    assert "onrecord" in board["tags"]
    chosen = {one["name"]: one for one in board["templating"]["list"]}
    assert list(chosen)[:2] == ["datasource", "namespace"]
    for variable in chosen.values():
        assert variable["label"]
        assert variable["description"]
    used = set(re.findall(r"\$\{?([a-z]+)\b", str([one["expr"] for one in _targets(board)])))
    assert used == set(chosen) - {"datasource"}, "a variable that nothing asks for, or none for it"


@pytest.mark.parametrize("name", BOARDS)
def test_no_panel_lies_on_another(name: str) -> None:
    """Nor in a row that is opened, which pushes down what is below."""
    board = BOARDS[name]
    for shown in (board["panels"], *(one.get("panels", ()) for one in board["panels"])):
        taken: dict[tuple[int, int], str] = {}
        for one in shown:
            at = one["gridPos"]
            assert at["x"] + at["w"] <= WIDTH
            for field in itertools.product(
                range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
            ):
                assert field not in taken, f"{one['title']} lies on {taken[field]}"
                taken[field] = one["title"]


@pytest.mark.parametrize("name", BOARDS)
def test_rows_are_full_and_short(name: str) -> None:
    """No hole in a line of panels, and no wall of them."""
    lines: dict[tuple[str, int], list[Any]] = {}
    row = ""
    for one in unfolded(BOARDS[name]):
        row = one["title"] if one["type"] == "row" else row
        lines.setdefault((row, one["gridPos"]["y"]), []).append(one)
    for line in lines.values():
        titles = [one["title"] for one in line]
        assert sum(one["gridPos"]["w"] for one in line) == WIDTH, titles
        assert len({one["gridPos"]["h"] for one in line}) == 1, titles
        assert len(line) <= SHORT, titles


@pytest.mark.parametrize("name", BOARDS)
def test_ids_and_titles_are_given_once(name: str) -> None:
    shown = list(unfolded(BOARDS[name]))
    for field in ("id", "title"):
        twice = [value for value, times in Counter(o[field] for o in shown).items() if times > 1]
        assert not twice


@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_a_panel_says_what_it_shows_and_what_is_normal(panel: PanelFound) -> None:
    assert 3 <= len(panel.title) <= 40
    says = panel.said["description"]
    assert "Normal: " in says or "Normal:\n" in says, says
    assert len(says) > 40
    assert panel.said["fieldConfig"]["defaults"]["unit"]
    assert panel.queries
    assert panel.said["datasource"]["uid"] == "${datasource}"
    for target in panel.said["targets"]:
        assert target["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_what_goes_red_says_what_to_do(panel: PanelFound) -> None:
    """A red threshold and a link to a runbook: both or neither; it is that of an alert, and that
    those lead to a heading is held by the tests of the alerts.
    """
    steps = panel.said["fieldConfig"]["defaults"]["thresholds"]["steps"]
    bounds = [one["value"] for one in steps]
    assert bounds[0] is None
    assert bounds[1:] == sorted(bounds[1:])
    runbooks = [one["url"] for one in panel.said["links"] if one["title"].startswith("Runbook: ")]
    assert any(one["color"] == "red" for one in steps) == bool(runbooks)
    assert set(runbooks) <= RUNBOOKS, set(runbooks) - RUNBOOKS


@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_what_is_no_longer_told_is_not_shown_green(panel: PanelFound) -> None:
    """Of a range Grafana shows the last number that there was, whatever became of it since."""
    steps = panel.said["fieldConfig"]["defaults"]["thresholds"]["steps"]
    if panel.said["type"] != "timeseries" and any(one["color"] == "red" for one in steps):
        assert all(one["instant"] and not one["range"] for one in panel.said["targets"])
        assert panel.said["fieldConfig"]["defaults"]["noValue"]


@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_links_between_dashboards_lead_somewhere(panel: PanelFound) -> None:
    for one in panel.said["links"]:
        if one["url"].startswith("/d/"):
            assert one["url"][3:].split("?")[0] in BOARDS


def test_runbooks_name_panels_that_there_are() -> None:
    """Whoever is woken looks for them by these names."""
    titles = {one.title for one in PANELS}
    titles |= {board["title"].removeprefix("OnRecord / ") for board in BOARDS.values()}
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    looks = [line for line in text.splitlines() if line.startswith("- **Look**")]
    named = {one for line in looks for one in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", line)}
    assert len(named) > 10
    assert named <= titles, named - titles


def _targets(board: Any) -> list[Any]:
    return [target for one in unfolded(board) for target in one.get("targets", ())]
