"""What each measure must reach: `goals.toml`, read by every script that judges itself."""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_GOALS = Path(__file__).resolve().parent / "goals.toml"
RESULTS = Path(__file__).resolve().parent / "results"
IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"


@dataclass(frozen=True, slots=True)
class Goal:
    """A threshold from either side."""

    name: str
    at_least: float | None = None
    at_most: float | None = None

    def reached(self, value: float) -> bool:
        above = self.at_least is None or value >= self.at_least
        return above and (self.at_most is None or value <= self.at_most)

    def verdict(self, value: float) -> str:
        """`0.91, reached (at least 0.9)`."""
        sides = {"at least": self.at_least, "at most": self.at_most}
        told = " and ".join(f"{side} {one:g}" for side, one in sides.items() if one is not None)
        how = "reached" if self.reached(value) else "NOT reached"
        return f"{value:.3g}, {how} ({told})"


def goal(measure: str) -> Goal:
    """By its key in the file. `KeyError` where there is none."""
    return Goal(**tomllib.loads(_GOALS.read_text("utf-8"))[measure])


@dataclass(frozen=True, slots=True)
class Kept:
    """Where results and plots of the parts go."""

    results: Path = RESULTS
    images: Path = IMAGES

    def image(self, part: str) -> Path:
        return self.images / f"cluster_{part}.png"

    def keep(self, part: str, told: Mapping[str, Any], reached: Mapping[str, float]) -> None:
        """Write `cluster_<part>.json` and say of each measure whether its goal is reached."""
        for measure, value in reached.items():
            print(f"  {goal(measure).name}: {goal(measure).verdict(value)}", flush=True)
        written = {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "cores": os.cpu_count(),
            "load_average_after": os.getloadavg()[0],
            "goals": {
                measure: {"value": value, "reached": goal(measure).reached(value)}
                for measure, value in reached.items()
            },
            **told,
        }
        self.results.mkdir(parents=True, exist_ok=True)
        path = self.results / f"cluster_{part}.json"
        path.write_text(json.dumps(written, indent=1) + "\n", "utf-8")
