"""Looks at an installation from outside: the API, with tokens, and the ledger. Nothing else.

What was acknowledged before the process died must hold; what the ledger says must hold together;
and nothing must have been let out that it does not say.
"""

import base64
import hashlib
import json
from collections import Counter
from typing import Any

from onrecord.kernel.vocabulary import EntryKind, GalleryStatus, SearchStatus
from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestation
from tests.builders.audit import REQUEST
from tests.kills.acknowledged import Acknowledged
from tests.kills.installation import GALLERY, Installation
from tests.kills.ledger import ReadLedger
from tests.kills.scenes import name_of
from tests.kills.services import probe_of

_THE_SAME_PERSON = 900_000
"""Millionths: two photographs of one person are more alike here, and of two people less."""


def observe(here: Installation, live: int | None) -> None:
    """Raises AssertionError with what is wrong. `live`: records that must be in the gallery."""
    told = Acknowledged(here.folder)
    searched = _search_for_the_deleted(here, told)
    here.clock.pass_by(minutes=10)  # every grant has expired, and the minute after it is over
    here.maintain()
    here.maintain()
    read = ReadLedger(here)
    _check_ends(read)
    _check_receipts(read)
    _check_changes(read)
    _check_searches(here, told, read)
    _check_looks_and_decisions(told, read)
    _check_releases(told, read)
    _check_enrolments(here, told, read)
    _check_deletions(here, told, read, searched)
    _check_gallery(here, live)
    assert read.of(EntryKind.ALARM_RAISED) == [], "an alarm stands in the ledger"


def _check_ends(read: ReadLedger) -> None:
    """R-23: every granted gallery has exactly one end."""
    for search_id, gallery in read.granted():
        ends = read.ends[search_id, gallery]
        assert len(ends) == 1, f"{search_id} in {gallery} ended {ends or 'never'}"
    assert set(read.ends) <= set(read.granted()), "an end of what was not granted"


def _check_receipts(read: ReadLedger) -> None:
    """Law 3: dense, chained, and no sequence used twice."""
    previous = "0" * 64
    for number, receipt in enumerate(read.receipts(GALLERY), 1):
        assert (receipt["sequence"], receipt["previous"]) == (number, previous)
        previous = _digest(receipt)


def _check_changes(read: ReadLedger) -> None:
    """R-42, law 9: what is said of a gallery is dense, chained, and no number is used twice."""
    previous = "0" * 64
    for number, body in enumerate(read.numbered(GALLERY), 1):
        change = body["change"]
        assert (change["sequence"], change["previous"]) == (number, previous)
        previous = statements.statement_sha256(Attestation.from_json(body["attestation"]))


def _check_searches(here: Installation, told: Acknowledged, read: ReadLedger) -> None:
    """R-22, laws 1, 3 and 8: what was answered is in the ledger, and names every gallery."""
    mine = {one.search_id: one for one in here.requester().searches()}
    entries = {one.index: one for one in read.entries}
    for said in told.of("searched"):
        search = mine[said["search_id"]]
        named = {one.gallery for one in search.galleries}
        assert named == set(REQUEST["galleries"]), "a gallery is not named in the result"
        assert read.about(search.search_id), "a search was answered that the ledger does not know"
        if said.get("receipt"):
            receipt = said["receipt"]
            held = entries[int(receipt["index"])]
            assert base64.b64decode(receipt["body"]) == held.raw, "an index was used twice"
        statuses = {one.status for one in search.galleries}
        if GalleryStatus.SEARCHED in statuses:
            ends = read.ends[search.search_id, GALLERY]
            assert ends == [EntryKind.SEARCH_EXECUTED.value], "a result without its receipt"
    for search in mine.values():
        # Whoever looks at one search settles it, where nobody has come back for it until now.
        looked = here.requester().get_search(search.search_id)
        assert looked.status is not SearchStatus.PROCESSING, "a search never came to an end"
    asked = Counter(
        one.body["search_id"]
        for one in read.of(EntryKind.REQUEST_GRANTED) + read.of(EntryKind.REQUEST_REFUSED)
    )
    assert not asked or set(asked.values()) == {1}


def _check_looks_and_decisions(told: Acknowledged, read: ReadLedger) -> None:
    """Law 6: no look and no decision that the ledger does not hold."""
    looks = Counter(
        (one.body["task_id"], one.body["target"].get("candidate_ref", "probe"))
        for one in read.of(EntryKind.LOOK_GRANTED)
    )
    seen = Counter((one["task_id"], one["at"]) for one in told.of("looked"))
    assert not seen - looks, "somebody looked, and no entry says so"
    decided = {one.index: one.body["task_id"] for one in read.of(EntryKind.EXAMINATION_DECIDED)}
    for said in told.of("decided"):
        assert decided.get(said["entry"]) == said["task_id"], "a decision was lost"
    assert len(set(decided.values())) == len(decided), "a task was decided twice"


def _check_releases(told: Acknowledged, read: ReadLedger) -> None:
    """R-22, law 6: nothing is released unlogged."""
    released = Counter(one.body["search_id"] for one in read.of(EntryKind.LEAD_RELEASED))
    assert not released or set(released.values()) == {1}
    for said in told.of("released"):
        assert said["search_id"] in released, "a lead was given out that was not released"
        assert said["records"] == [name_of(3)]


def _check_enrolments(here: Installation, told: Acknowledged, read: ReadLedger) -> None:
    """R-22, R-42: what was accepted is live, or says why not; each is told to the ledger once."""
    for said in told.of("accepted"):
        found = here.as_custodian("GET", f"/enrolments/{said['enrolment_id']}")
        if found["status"] != "live":
            assert found["status"] == "rejected", f"an enrolment is stuck: {found}"
            assert found["code"] in ("record_deleted", "generation_stale"), found
    changes = read.changes()
    singles = Counter(one["enrolment_id"] for one in changes if one.get("enrolment_id"))
    chunks = Counter(
        (one["manifest"], one["chunk"])
        for one in changes
        if one["manifest"] and one["type"] == statements.GALLERY_CHANGED
    )
    for counted in (singles, chunks):
        assert not counted or set(counted.values()) == {1}, "an enrolment was told twice"
    for said in told.of("chunk"):
        assert said["chunk"]["closed"], f"a chunk is not closed: {said}"
        assert (said["manifest_id"], 0) in chunks, "a chunk was closed and is in no entry"
        found = here.as_custodian("GET", f"/manifests/{said['manifest_id']}")
        assert found["chunks"] == [said["chunk"]], "a closed chunk has changed"


def _search_for_the_deleted(here: Installation, told: Acknowledged) -> dict[str, int]:
    """Searches for everyone who was deleted, begun after that was acknowledged."""
    searched = {}
    for person in sorted({one["person"] for one in told.of("deleted")}):
        search = here.requester("observer").search(
            {**REQUEST, "case_number": f"OBS-{person}"},
            probe_of(person, "observed"),
            idempotency_key=f"observed-{person}-{here.clock.now().isoformat()}",
        )
        searched[search.search_id] = person
    here.settle()
    return searched


def _check_deletions(
    here: Installation, told: Acknowledged, read: ReadLedger, searched: dict[str, int]
) -> None:
    """Law 9: never returned again, the same receipt for good, and the ledger knows."""
    for receipt in read.receipts(GALLERY):
        if receipt["search_id"] in searched:
            best = max((one["similarity"] for one in receipt["candidates"]), default=0)
            assert best < _THE_SAME_PERSON, "a deleted record was returned"
            searched.pop(receipt["search_id"])
    assert not searched, "a search for the deleted has no receipt"
    deleted = [one for one in read.changes() if one["type"] == statements.RECORD_DELETED]
    for said in told.of("deleted"):
        found = dict(here.as_custodian("GET", f"/records/{name_of(said['person'])}/deletion"))
        words = _statement(found["deleted"])
        assert deleted.count(words) == 1, "a deletion was acknowledged, and is not in the ledger"
        if said["receipt"] is not None:
            assert {name: found[name] for name in said["receipt"]} == said["receipt"]


def _check_gallery(here: Installation, live: int | None) -> None:
    """R-48: roster, index and vault agree, at the latest when they have been made to."""
    if not here.custodian().galleries():
        return
    said = here.as_custodian("GET", "/check", params={"repair": "true"})
    assert said["missing_portraits"] == 0, said
    here.settle()
    said = here.as_custodian("GET", "/check")
    assert said["agrees"], said
    if live is not None:
        assert said["live"] == live, said


def _digest(receipt: dict[str, Any]) -> str:
    return hashlib.sha256(canonical.encode(receipt)).hexdigest()


def _statement(attestation: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(base64.b64decode(attestation["statement"]))
    return said
