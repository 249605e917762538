"""A population is reproducible, complete, and cheap the second time."""

import csv
import hashlib
from pathlib import Path

import pytest
from PIL import Image

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.portraits.make import Job, make_portraits
from onrecord.portraits.studio import Studio
from tests.unit.portraits.conftest import PEOPLE, SEED

SIZE = (360, 450)


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "truth.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_picture_decodes_at_its_size(population: Path) -> None:
    pictures = sorted(population.glob("p*/*.jpg"))
    assert len(pictures) == 2 * PEOPLE
    for path in pictures:
        with Image.open(path) as picture:
            picture.load()
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", SIZE)


def test_truth_table_names_what_is_there(population: Path) -> None:
    rows = rows_of(population)
    assert [row["person"] for row in rows] == [f"p{k:05d}" for k in range(PEOPLE)]
    for row in rows:
        assert row["portrait"] == f"portraits/{row['person']}.jpg"
        assert row["probe"] == f"probes/{row['person']}-1.jpg"
        for kind in ("portrait", "probe"):
            data = (population / row[kind]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == row[f"{kind}_sha256"]
    digests = [row[f"{kind}_sha256"] for row in rows for kind in ("portrait", "probe")]
    assert len(set(digests)) == 2 * PEOPLE


def test_the_notice_carries_the_assets_licence(population: Path) -> None:
    notice = (population / "NOTICE.txt").read_text()
    assert "MakeHuman" in notice and "CC0 1.0" in notice
    assert "Creative Commons" in notice and len(notice) > 5_000


def test_same_seed_same_bytes_whatever_the_number_of_people(
    population: Path, studio: Studio, asset_cache: Path
) -> None:
    """Drawn again, alone and out of order, a person's pictures are the same bytes."""
    last = rows_of(population)[-1]
    probe, portrait = studio.photograph(SEED, PEOPLE - 1, [1, 0], SIZE)
    assert portrait == (population / last["portrait"]).read_bytes()
    assert probe == (population / last["probe"]).read_bytes()


def test_another_seed_is_another_person(population: Path, studio: Studio) -> None:
    (other,) = studio.photograph(SEED + 1, 0, [0], SIZE)
    assert other != (population / "portraits" / "p00000.jpg").read_bytes()


def test_workers_draw_the_same_bytes(population: Path, own_cache: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    (cache / "portraits").mkdir(parents=True)
    for file in (own_cache / "portraits").glob("*.*"):
        (cache / "portraits" / file.name).symlink_to(file.resolve())
    make_portraits(tmp_path / "out", people=3, seed=SEED, cache=cache, workers=2)
    assert rows_of(tmp_path / "out") == rows_of(population)[:3]


def test_what_was_drawn_before_is_not_drawn_again(
    population: Path, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No network and no drawing when everything is in the cache; progress says so at once."""

    def refuse(*_: object) -> list[bytes]:
        raise AssertionError("drew a picture that the cache holds")

    monkeypatch.setattr(Studio, "photograph", refuse)
    monkeypatch.setattr("onrecord.portraits.asset.subprocess.run", refuse)
    seen: list[tuple[int, int]] = []
    truth = make_portraits(
        tmp_path, people=2, seed=SEED, cache=own_cache, workers=1,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert truth == tmp_path / "truth.csv"
    assert seen == [(4, 4)]
    assert rows_of(tmp_path) == rows_of(population)[:2]


def test_more_probes_leave_the_first_ones_alone(
    population: Path, own_cache: Path, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    make_portraits(
        tmp_path, people=1, seed=SEED, probes_per_person=2, cache=own_cache, workers=1,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(2, 3), (3, 3)]
    rows = rows_of(tmp_path)
    assert [row["probe"] for row in rows] == ["probes/p00000-1.jpg", "probes/p00000-2.jpg"]
    assert rows[0] == rows_of(population)[0]


def test_a_torn_write_is_not_taken_for_a_picture(own_cache: Path) -> None:
    job = Job(SEED, 77, 1, SIZE, own_cache)
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / "p00077.99.partial").write_bytes(b"half")
    assert job.missing == [0, 1]


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("people", {"people": 0}), ("people", {"people": 100_000}), ("seed", {"seed": -1}),
        ("probes_per_person", {"probes_per_person": -1}), ("size", {"size": (32, 450)}),
        ("size", {"size": (360, 5000)}), ("workers", {"workers": -2}),
    ],
)  # fmt: skip
def test_numbers_that_make_no_sense_are_refused(
    field: str, arguments: dict[str, object], own_cache: Path, tmp_path: Path
) -> None:
    given: dict[str, object] = {"people": 1, "seed": 1, "cache": own_cache} | arguments
    with pytest.raises(OnRecordError) as refused:
        make_portraits(tmp_path, **given)  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.field) == (ErrorCode.FIELD_INVALID, field)
    assert list(tmp_path.iterdir()) == []
