"""R-44: docs/install.md on `make cluster`: a state comes, is searched, is repaired and leaves, by
the commands as they stand there. Nevada takes Utah's place on the page: Utah is here already.
"""

import csv
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.builders import e2e_people as people
from tests.builders.e2e_forms import ON_CLUSTER, Standing
from tests.builders.e2e_photographs import Sitter, sitters
from tests.builders.e2e_scene import UTAH, embedder
from tests.chart import guide

pytestmark = pytest.mark.skipif(not ON_CLUSTER, reason="the page says this of the cluster")

NEVADA: Final = "US-NV"
COUNT: Final = 3
_POLICIES: Final = Path(__file__).resolve().parents[2] / "policies"
_SECONDS: Final = 180


@dataclass(frozen=True, slots=True)
class Reader:
    """Someone with everybody's tokens, who types the page's blocks in one folder."""

    folder: Path
    told: Mapping[str, str]

    def type(self, text: str) -> str:
        """What the terminal shows."""
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", text.replace(UTAH, NEVADA)],  # noqa: S607 - the machine's own
            cwd=self.folder,
            env={**self.told, "PATH": programs, "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def reader(standing: Standing, models: Path, tmp_path: Path) -> Iterator[Reader]:
    """Has what the page says one has: the state's two files, portraits with their list, a request
    with its probe, the ledger's public key.
    """
    installation = standing.scene.installation
    (tmp_path / NEVADA).mkdir()
    for name in ("policy.cedar", "authority.yaml"):
        text = (_POLICIES / UTAH / name).read_text("utf-8").replace(UTAH, NEVADA)
        (tmp_path / NEVADA / name).write_text(text, "utf-8")
    drawn = sitters(COUNT)
    _write_list(tmp_path, drawn)
    request = people.request(galleries=[NEVADA])
    (tmp_path / "request.json").write_text(json.dumps(request))
    (tmp_path / "probe.jpg").write_bytes(drawn[0].probe())
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "ledger.vkey").write_bytes(installation.ledger_key.read_bytes())
    who = {
        "OPERATOR": people.OPERATOR,
        "CUSTODIAN": people.custodian(NEVADA),
        "REQUESTER": people.investigator(),
    }
    tokens = {name: people.token(installation.issuer, one) for name, one in who.items()}
    yield Reader(tmp_path, {**tokens, "GATEWAY": installation.address, "MODEL": embedder(models)})


def test_a_state_comes_is_searched_and_leaves(reader: Reader) -> None:
    """R-44, R-48: sections 4, 7 and 9, whatever they say is typed on the cluster, in its order."""
    blocks = [one for one in guide.blocks() if one.mark == guide.ON_CLUSTER]
    assert [one.section for one in blocks] == [4, 4, 4, 4, 4, 7, 9]
    said = [reader.type(one.text) for one in blocks]
    for one, told in zip(blocks, said, strict=True):
        assert not one.missing(told.replace(NEVADA, UTAH)), told
    assert json.loads(said[1])["gallery"] == NEVADA
    answer = json.loads(said[3])
    assert answer["receipt"]
    assert "candidates" not in said[3]
    # The policy that permits nothing is in force.
    refused = json.loads(reader.type(blocks[3].text.replace("first-search", "second-search")))
    assert [one["status"] for one in refused["galleries"]] == ["refused"]


def _write_list(folder: Path, drawn: Sequence[Sitter]) -> None:
    """The same records to come and, in the end, to go."""
    (folder / "portraits").mkdir()
    rows = []
    for number, sitter in enumerate(drawn):
        path = f"{number}.jpg"
        (folder / "portraits" / path).write_bytes(sitter.portrait)
        rows.append((f"NV-{number}", hashlib.sha256(sitter.portrait).hexdigest(), path))
    for name in ("list.csv", "all.csv"):
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows([("record_id", "image_sha256", "path"), *rows])
