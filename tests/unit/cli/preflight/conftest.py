"""An installation on files, as `onrecord up-processes` writes it, and preflight of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from onrecord.cli.main import cli
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.plan import ONE_PLANE, ProcessPlan, plan
from tests.builders.models import reference_repository


@dataclass(frozen=True, slots=True)
class Told:
    """What preflight says. `missing`: by subject, what it says and the command."""

    fit: bool
    checks: list[dict[str, str]]

    def of(self, status: str) -> list[tuple[str, str, str, str]]:
        return [
            (one["process"], one["subject"], one["says"], one["command"])
            for one in self.checks
            if one["status"] == status
        ]

    def only_missing(self) -> tuple[str, str, str, str]:
        assert not self.fit
        (one,) = self.of("missing")
        return one


class Installed:
    """An installation in a folder; settings of a process may be changed before it is looked at."""

    def __init__(self, root: Path) -> None:
        self.folder = DataFolder(root / "data")
        self.folder.prepare()
        self._plans = plan(
            self.folder,
            reference_repository(),
            ONE_PLANE,
            host="127.0.0.1",
            port=0,
            origin="localhost/onrecord",
            inference_threads=1,
        )

    def process(self, name: str) -> ProcessPlan:
        return next(one for one in self._plans if one.name == name)

    def named(self, name: str, setting: str) -> Path:
        return Path(str(self.process(name).settings[setting]))

    def set(self, name: str, changes: Mapping[str, Any]) -> None:
        one = self.process(name)
        told = {**one.settings, **changes}
        one.config.write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in told.items()))

    def run(self, *arguments: str) -> Result:
        options = ["preflight", "--config-dir", str(self.folder.processes), *arguments]
        return CliRunner().invoke(cli, options, catch_exceptions=False)

    def preflight(self, *arguments: str) -> Told:
        done = self.run("--json", *arguments)
        told = json.loads(done.stdout)
        assert done.exit_code == (0 if told["fit"] else 1)
        return Told(told["fit"], told["checks"])


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)
