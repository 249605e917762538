"""Images enrolled a second beside a bare loop, and what enrolling does to a search's p99.

    OPENBLAS_NUM_THREADS=1 python -m load_tests.enrolment [--runs 5] [--portraits 200]
        [--searches 60] [--way one|five] [--image docs/images/enrolment.png]

One installation in processes of its own. Every run enrols a signed manifest over HTTP, until its
chunk is closed and in the outbox to the ledger, and puts the same photographs through bare models:
decode, detect, cut, embed, on as many threads as there are cores, one thread a model call. Then it
searches, idle and while a manifest is enrolling. Medians over the runs; single runs in the JSON.
The uploading client shares the cores with what it measures.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from load_tests.bare_reference import (
    Floats,
    Image,
    bare_align,
    bare_reid,
    bare_yunet,
    decode,
    served_reid,
)
from load_tests.galleries import signed_policy
from load_tests.installation import Installation, reference_models
from load_tests.lfw import ROOT, Photograph, data_folder, photographs
from load_tests.manifest_upload import Enrolling, enrol_manifest
from load_tests.people import EXAMINERS, INVESTIGATOR, OPERATOR, STATE, custodian, request
from load_tests.server import FIVE_PROCESSES, ONE_PROCESS, running
from onrecord.chassis.inference import ModelRepository
from onrecord.client import OnRecordClient
from onrecord.kernel.cards import ModelRole
from onrecord.kernel.vocabulary import GalleryStatus
from onrecord.proof.authority import key_name
from onrecord.proof.notes import NoteSigner

WAYS = {"one": ONE_PROCESS, "five": FIVE_PROCESSES}
LIST_SIZE = 20
WARM = 5
"""Images that the bare loop is given first, uncounted."""


def bare_rate(models: Path, images: list[bytes], embed: Callable[[Image], Floats]) -> float:
    """Images a second through the models alone, on every core."""
    find = bare_yunet(models)

    def one(image: bytes) -> None:
        pixels = decode(image)
        landmarks = find(pixels)
        if landmarks is not None:
            embed(bare_align(pixels, landmarks))

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(one, images[:WARM]))
        began = time.perf_counter()
        list(pool.map(one, images))
        return len(images) / (time.perf_counter() - began)


def open_gallery(installation: Installation, models: Path) -> NoteSigner:
    """Utah's gallery without quotas; the state's key, to sign manifests with."""
    (card,) = (c for c in ModelRepository(models).cards() if c.role is ModelRole.EMBEDDER)
    signer = NoteSigner.generate(key_name(STATE))
    with installation.client(OPERATOR) as operator:
        operator.create_gallery(STATE, model_id=card.model_id, authority_key=signer.verifier.text)
    with installation.client(custodian(STATE)) as client:
        client.activate_policy(STATE, signed_policy(STATE, signer, LIST_SIZE).to_json())
    for examiner in EXAMINERS:
        with installation.client(examiner) as client:
            client.join_examiners()
    return signer


def under_new_ids(images: list[bytes]) -> list[tuple[str, bytes]]:
    turn = uuid.uuid4().hex[:12]
    return [(f"{turn}-{number}", image) for number, image in enumerate(images)]


def search_times(client: OnRecordClient, probes: list[Photograph], searches: int) -> list[float]:
    """Seconds of each search, one after another."""
    taken = []
    for number in range(searches):
        image = probes[number % len(probes)].path.read_bytes()
        began = time.perf_counter()
        made = client.search(request(LIST_SIZE), image, idempotency_key=uuid.uuid4().hex)
        took = time.perf_counter() - began
        if made.gallery(STATE).status is GalleryStatus.SEARCHED:
            taken.append(took)
    return taken


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[-1]


def one_run(
    installation: Installation,
    signer: NoteSigner,
    data: Path,
    models: Path,
    images: list[bytes],
    probes: list[Photograph],
    searches: int,
) -> dict[str, Any]:
    bare = bare_rate(data / "models", images, bare_reid(data / "models"))
    as_served = bare_rate(data / "models", images, served_reid(models))
    seconds, counts = enrol_manifest(installation, STATE, signer, under_new_ids(images))
    enrolled = len(images) / seconds
    token = INVESTIGATOR.tokens(installation.issuer)
    with OnRecordClient(installation.address, token) as client:
        idle = search_times(client, probes, searches)
        busy: list[float] = []
        backlog = under_new_ids(images * 3)
        with Enrolling(
            lambda begun: enrol_manifest(installation, STATE, signer, backlog, begun)
        ) as enrolling:
            while enrolling.going_on and len(busy) < searches:
                busy += search_times(client, probes, 5)
    said = {
        "enrolled_per_second": enrolled,
        "bare_per_second": bare,
        "ratio": enrolled / bare,
        "bare_as_served_per_second": as_served,
        "ratio_as_served": enrolled / as_served,
        "counts": counts,
        "searches_idle": len(idle),
        "searches_enrolling": len(busy),
        "idle_p50_ms": statistics.median(idle) * 1000,
        "idle_p99_ms": p99(idle) * 1000,
        "enrolling_p50_ms": statistics.median(busy) * 1000,
        "enrolling_p99_ms": p99(busy) * 1000,
        "p99_ratio": p99(busy) / p99(idle),
    }
    print(
        f"  {enrolled:.1f} enrolled/s, {bare:.1f} bare: {said['ratio']:.2f} "
        f"({as_served:.1f} with the embedder as it is served: {said['ratio_as_served']:.2f});  "
        f"p99 {said['idle_p99_ms']:.0f} ms idle, {said['enrolling_p99_ms']:.0f} ms enrolling: "
        f"{said['p99_ratio']:.2f}",
        flush=True,
    )
    return said


def draw(runs: list[dict[str, Any]], image: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    middle = {name: statistics.median(run[name] for run in runs) for name in runs[0] if "_" in name}
    bars = left.bar(
        ["bare loop", "enrolled"],
        [middle["bare_per_second"], middle["enrolled_per_second"]],
        color=["#9aa5b1", "#2f6f9f"],
    )
    left.bar_label(bars, fmt="%.1f")
    left.set_title("Images a second", loc="left")
    names = ["idle", "enrolling"]
    for shift, which, colour in ((-0.2, "p50", "#9aa5b1"), (0.2, "p99", "#2f6f9f")):
        places = [number + shift for number in range(2)]
        heights = [middle[f"{name}_{which}_ms"] for name in names]
        right.bar_label(right.bar(places, heights, 0.38, label=which, color=colour), fmt="%.0f")
    right.set_xticks(range(2), names)
    right.set_title("One search, milliseconds", loc="left")
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(y=0.15)
    figure.savefig(image, dpi=110)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--portraits", type=int, default=200)
    parser.add_argument("--searches", type=int, default=60)
    parser.add_argument("--way", choices=sorted(WAYS), default="one")
    parser.add_argument("--image", type=Path, help="draw the medians here (PNG)")
    given = parser.parse_args()
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        parser.error("set OPENBLAS_NUM_THREADS=1, which the services set for themselves")
    data = data_folder()
    models = reference_models(data)
    pictures = photographs(data, "gallery", "probe_unmated")[: given.portraits]
    images = [one.path.read_bytes() for one in pictures]
    probes = photographs(data, "probe_mated")[: given.searches]
    before = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "data", models, WAYS[given.way]) as server,
    ):
        installation = server.installation
        signer = open_gallery(installation, models)
        enrol_manifest(installation, STATE, signer, under_new_ids(images[:40]))  # warm
        runs = [
            one_run(installation, signer, data, models, images, probes, given.searches)
            for _ in range(given.runs)
        ]
    middle = {
        name: statistics.median(run[name] for run in runs) for name in runs[0] if name != "counts"
    }
    told = {
        "way": given.way,
        "portraits": len(images),
        "cores": os.cpu_count(),
        "median": middle,
        "runs": runs,
        "load_average": {"before": before, "after": os.getloadavg()[0]},
    }
    results = ROOT / "load_tests" / "results" / f"enrolment_{given.way}.json"
    results.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    print(json.dumps(middle, indent=1))
    if given.image:
        draw(runs, given.image)
    return 0


if __name__ == "__main__":
    sys.exit(main())
