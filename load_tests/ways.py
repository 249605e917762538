"""Two ways of searching the same photographs: bare models, and the running system.

Through the system, the similarities are those of the plane's receipts, read from the ledger's
bodies as an auditor reads them. Whose record a candidate is stands in the plane's roster database,
which only the owner of the data folder can open: this measurement is.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from load_tests.bare_reference import (
    Floats,
    averaged_align,
    bare_align,
    bare_reid,
    bare_yunet,
    decode,
)
from load_tests.figures import Listed
from load_tests.installation import CLIENTS, LIST_SIZE, Installation, Refusal, enrol, open_gallery
from load_tests.lfw import Photograph
from load_tests.people import AUDITOR, INVESTIGATOR, STATE, request
from load_tests.server import running
from onrecord.kernel.vocabulary import GalleryStatus, SearchStatus

PLAIN, AVERAGED, SYSTEM = "bare", "bare, averaged before cutting", "system"
BARE = {PLAIN: bare_align, AVERAGED: averaged_align}
_MILLION = 1_000_000


@dataclass(slots=True)
class Outcome:
    """What one way of searching gave."""

    enrolled: set[str] = field(default_factory=set)
    lists: list[Listed] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"enrol": [], "search": []})


def through_bare_models(
    data: Path, gallery: list[Photograph], probes: list[Photograph]
) -> dict[str, Outcome]:
    """With and without averaging before the crop is cut; what is found is the same."""
    detect, embed = bare_yunet(data / "models"), bare_reid(data / "models")
    seen: dict[str, dict[str, Floats]] = {way: {} for way in BARE}
    refused = []
    for photograph in gallery + probes:
        image = decode(photograph.path.read_bytes())
        landmarks = detect(image)
        if landmarks is None:
            said = Refusal(photograph.role, photograph.name, "no_face", "found no face")
            refused.append(said)
            continue
        for way, align in BARE.items():
            seen[way][photograph.name] = embed(align(image, landmarks))
    return {way: _ranked(seen[way], refused, gallery, probes) for way in BARE}


def _ranked(
    vectors: dict[str, Floats],
    refused: list[Refusal],
    gallery: list[Photograph],
    probes: list[Photograph],
) -> Outcome:
    """An exact search with every probe."""
    people = [one.person for one in gallery if one.name in vectors]
    matrix = np.stack([vectors[one.name] for one in gallery if one.name in vectors])
    outcome = Outcome(enrolled=set(people), refused=refused)
    for probe in probes:
        if probe.name in vectors:
            alike = matrix @ vectors[probe.name]
            order = np.argsort(-alike, kind="stable")
            listed = tuple((people[index], float(alike[index])) for index in order)
            outcome.lists.append(Listed(probe.name, probe.person, listed, -np.inf))
    return outcome


def through_the_system(
    models: Path, folder: Path, gallery: list[Photograph], probes: list[Photograph]
) -> Outcome:
    outcome = Outcome()
    data = folder / "data"
    with running(data, models) as server:
        installation = server.installation
        open_gallery(installation, models)
        enrolled = enrol(installation, [(one.person, one) for one in gallery])
        searches = _search(installation, probes, outcome)
        with installation.client(AUDITOR) as auditor:
            bodies = [json.loads(one.body) for one in auditor.bodies()]
    outcome.enrolled = enrolled.live
    outcome.refused += enrolled.refused
    outcome.seconds["enrol"] = enrolled.seconds
    owners = _owners(data / "roster.db")
    for body in bodies:
        if body["kind"] == "search.executed":
            probe = searches[body["search_id"]]
            shown = tuple(
                (owners[one["ref"]], one["similarity"] / _MILLION)
                for one in body["receipt"]["candidates"]
            )
            below = shown[-1][1] if len(shown) == LIST_SIZE else -np.inf
            outcome.lists.append(Listed(probe.name, probe.person, shown, below))
    if len(outcome.lists) != len(searches):
        raise RuntimeError("the ledger does not hold a receipt for every search")
    return outcome


def _search(
    installation: Installation, probes: list[Photograph], outcome: Outcome
) -> dict[str, Photograph]:
    """The searches that reached the gallery: whose probe each was."""
    searched: dict[str, Photograph] = {}
    lock = threading.Lock()

    def search(probe: Photograph) -> None:
        began = time.perf_counter()
        made = client.search(
            request(LIST_SIZE), probe.path.read_bytes(), idempotency_key=probe.name
        )
        took = time.perf_counter() - began
        with lock:
            if made.status is SearchStatus.REFUSED_QUALITY:
                reason = made.reasons[0] if made.reasons else made.gallery(STATE).reasons[0]
                said = Refusal(probe.role, probe.name, reason.code, reason.message)
                outcome.refused.append(said)
            elif made.gallery(STATE).status is GalleryStatus.SEARCHED:
                searched[made.search_id] = probe
                outcome.seconds["search"].append(took)
            else:
                raise RuntimeError(f"{probe.name}: {made}")

    with (
        installation.client(INVESTIGATOR) as client,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        for _ in _told("searched", pool.map(search, probes), len(probes)):
            pass
    return searched


def _owners(roster: Path) -> dict[str, str]:
    """Whose record each candidate reference is; see the top of this file."""
    connection = sqlite3.connect(f"file:{roster}?mode=ro", uri=True)
    try:
        rows = connection.execute(
            "SELECT candidate_ref, record_id FROM candidates JOIN records USING (enrolment_id)"
        )
        return dict(rows.fetchall())
    finally:
        connection.close()


def _told(what: str, done: Iterable[None], of: int) -> Iterable[None]:
    for number, one in enumerate(done, 1):
        if number % 100 == 0 or number == of:
            print(f"  {what} {number} of {of}", flush=True)
        yield one
