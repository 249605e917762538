"""R-43: every alert has a runbook that resolves, is whole, and says commands that exist."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from deploy.alerts.rule import RUNBOOKS, Alert
from deploy.alerts.rules import alerts
from onrecord.cli.main import cli

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
TEXT = PAGE.read_text("utf-8")
DASHBOARDS = PAGE.parents[1] / "deploy/helm/onrecord/files/dashboards"
PARTS = ("Means", "Impact", "Look", "Do", "Over when")
NAMES = list(dict.fromkeys(one.name for one in alerts()))


def sections() -> dict[str, str]:
    """The text under each `###` that has the name of an alert."""
    found = re.split(r"^(#{2,3}) (.+)$", TEXT, flags=re.MULTILINE)
    headed = zip(found[1::3], found[2::3], found[3::3], strict=True)
    return {title: text for level, title, text in headed if title.startswith("OnRecord")}


def test_runbooks_and_alerts_are_the_same() -> None:
    assert sorted(sections()) == sorted(NAMES)


@pytest.mark.parametrize("alert", alerts(), ids=lambda one: one.name)
def test_the_address_in_the_alert_leads_to_its_section(alert: Alert) -> None:
    page, anchor = alert.runbook.split("#")
    assert page == RUNBOOKS
    assert page.endswith("/docs/operations.md")
    assert anchor in {name.lower() for name in sections()}


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_says_what_whoever_is_woken_must_know(name: str) -> None:
    """What it is, what it does to people, where to look, what to do, when it is over."""
    text = sections()[name]
    said = re.findall(r"\*\*(.+?)\*\*", text)
    assert [part for part in said if part in PARTS] == list(PARTS)
    severities = {one.severity.value.capitalize() for one in alerts() if one.name == name}
    assert text.strip().split(".")[0] in severities
    assert len(severities) == 1


def test_the_table_of_contents_has_every_section() -> None:
    contents = TEXT[: TEXT.index("\n## ")]
    for title in re.findall(r"^## (.+)$", TEXT, flags=re.MULTILINE):
        assert f"[{title}](#" in contents, title
    for name in NAMES:
        assert f"(#{name.lower()})" in contents, name


def test_what_alertmanager_is_told_names_alerts_that_are_there() -> None:
    """As Alertmanager reads it: a matcher is anchored at both ends."""
    (block,) = re.findall(r"```yaml\n(route:.*?)```", TEXT, flags=re.DOTALL)
    said = yaml.safe_load(block)
    assert {one["name"] for one in said["receivers"]} == {"tickets", "on-duty"}
    for rule in said["inhibit_rules"]:
        for (matcher,) in (rule["source_matchers"], rule["target_matchers"]):
            pattern = matcher.split("=~")[1].strip('"')
            parts = [pattern] if "(" in pattern else pattern.split("|")
            for part in parts:
                assert any(re.fullmatch(part, name) for name in NAMES), part


def test_links_within_the_page_resolve() -> None:
    titles = re.findall(r"^#{2,3} (.+)$", TEXT, flags=re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors
    for file in re.findall(r"\]\(([\w/-]+\.md)", TEXT):
        assert (PAGE.parent / file).exists(), file


@pytest.mark.parametrize("name", NAMES)
def test_panels_that_a_runbook_names_are_there(name: str) -> None:
    """What is in italics is a dashboard or a panel."""
    boards = [json.loads(one.read_text("utf-8")) for one in DASHBOARDS.glob("*.json")]
    known = {one["title"].removeprefix("OnRecord / ") for one in boards}
    known |= {panel["title"] for one in boards for panel in one["panels"]}
    said = re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", sections()[name])
    assert set(said) <= known


def commands() -> list[str]:
    """Every `onrecord ...` in code, up to whatever follows it in the shell."""
    code = re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", TEXT, flags=re.DOTALL)
    lines = "\n".join(block or inline for block, inline in code).splitlines()
    return sorted(
        {one for line in lines for one in re.findall(r"\bonrecord [a-z][^#|;&<>]*", line)}
    )


@pytest.mark.parametrize("command", commands())
def test_commands_of_ours_are_there(command: str) -> None:
    """Every word up to the first argument is a command, and every option one of its own."""
    words = shlex.split(command)[1:]
    at: click.Command = cli
    while isinstance(at, click.Group) and words and not words[0].startswith("-"):
        found = at.get_command(click.Context(at), words[0])
        assert found is not None, command
        at, words = found, words[1:]
    options = {name for one in at.params for name in (*one.opts, *one.secondary_opts)}
    for word in words:
        if word.startswith("--"):
            assert word.split("=")[0] in options, (command, word)
