"""`python -m deploy.grafana`: write the dashboards' JSON; `--check`: say which are not current."""

import sys
from pathlib import Path

from deploy.grafana.board import Board, rendered
from deploy.grafana.casework import casework
from deploy.grafana.enrolment import enrolment
from deploy.grafana.galleries import galleries
from deploy.grafana.inference import inference
from deploy.grafana.ledger import ledger
from deploy.grafana.overview import overview
from deploy.grafana.search import search

FOLDER = Path(__file__).resolve().parents[1] / "helm" / "onrecord" / "files" / "dashboards"


def boards() -> tuple[Board, ...]:
    """All of them, in the order of a reader."""
    return (
        overview(),
        search(),
        enrolment(),
        inference(),
        galleries(),
        ledger(),
        casework(),
    )


def files() -> dict[str, str]:
    """What stands in the folder: name and text."""
    return {f"{board.uid}.json": rendered(board) for board in boards()}


def main(arguments: list[str]) -> int:
    wanted = files()
    there = {one.name: one.read_text("utf-8") for one in FOLDER.glob("*.json")}
    different = sorted(
        name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name)
    )
    if "--check" in arguments:
        for name in different:
            sys.stdout.write(f"{FOLDER / name} is not what deploy/grafana makes: make dashboards\n")
        return 1 if different else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in different:
        path = FOLDER / name
        if name in wanted:
            path.write_text(wanted[name], "utf-8")
        else:
            path.unlink()
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
