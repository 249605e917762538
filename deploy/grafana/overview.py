"""Is it lawful, is it up, is it fast: the page that stands on the wall."""

from deploy.grafana.board import Board, Section
from deploy.grafana.lawful import lawful
from deploy.grafana.promised import promised
from deploy.grafana.quick import quick
from deploy.grafana.running import running


def overview() -> Board:
    return Board(
        "onrecord-overview",
        "Overview",
        "Is it lawful, is it up, is it fast. Green all over is a good day; each panel that can go "
        "red links to the runbook that says what to do.",
        (
            Section("Is it lawful?", lawful()),
            Section("Is it up?", running()),
            Section("Is it fast?", quick()),
            Section("Is what was promised kept?", promised()),
        ),
    )
