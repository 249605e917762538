"""What is broken, law by law: each yields a sentence for everything it finds."""

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from onrecord.kernel.vocabulary import LEAD_STAMP, UNWITNESSED_STAMP, GalleryStatus
from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestation
from tests.chaos.book import Book, statement
from tests.chaos.stage import GALLERIES
from tests.chaos.told import Told

THE_SAME_PICTURE: Final = 999_000
"""Millionths: the very picture that was enrolled, searched with; no other picture comes near."""
_FIRST = "0" * 64
_NOISE: Final = ("by", "time", "attestation")
_Searched = Sequence[Mapping[str, Any]]
Always = Callable[[Book, Told, _Searched], Iterator[str]]
AtTheEnd = Callable[[Book, Told], Iterator[str]]


def receipts_without_gap(book: Book, _: Told, __: _Searched) -> Iterator[str]:
    """Law 3, R-23: dense, chained, and no sequence used twice."""
    for gallery in GALLERIES:
        previous = _FIRST
        for number, receipt in enumerate(book.receipts(gallery), 1):
            if (receipt["sequence"], receipt["previous"]) != (number, previous):
                yield f"{gallery}: receipt {number} in the ledger is no {receipt['sequence']}"
                break
            previous = hashlib.sha256(canonical.encode(receipt)).hexdigest()


def one_entry_a_request(book: Book, _: Told, __: _Searched) -> Iterator[str]:
    """R-9, R-22: however often it was asked for."""
    asked = Counter(one.body["search_id"] for one in book.of("request.granted", "request.refused"))
    for search_id, count in asked.items():
        if count > 1:
            yield f"{search_id} was asked for once, and stands in {count} entries"


def one_end_at_most(book: Book, _: Told, __: _Searched) -> Iterator[str]:
    """R-23."""
    for (search_id, gallery), ends in book.ends.items():
        if (search_id, gallery) not in book.granted:
            yield f"{search_id} in {gallery} ended without having been granted"
        if len(ends) > 1:
            yield f"{search_id} in {gallery} ended {len(ends)} times: {ends}"


def acknowledged_entries_stand(book: Book, _: Told, searched: _Searched) -> Iterator[str]:
    """R-22: the entry that a client was given is there, byte for byte."""
    for said in searched:
        index = said["index"]
        if index >= len(book.raw):
            yield f"entry {index} was acknowledged, and is not in the ledger"
        elif base64.b64decode(said["body"]) != book.raw[index]:
            yield f"index {index} was used twice"


def no_alarm(book: Book, _: Told, __: _Searched) -> Iterator[str]:
    """R-23: an alarm says that something differs that must not."""
    for one in book.of("alarm.raised"):
        told = {name: one.body[name] for name in sorted(one.body) if name not in _NOISE}
        yield f"entry {one.index} is an alarm: {told}"


def one_end(book: Book, _: Told) -> Iterator[str]:
    """R-23: exactly one, and within a minute of the grant's expiry."""
    for search_id, gallery in book.granted:
        if not book.ends.get((search_id, gallery)):
            yield f"{search_id} in {gallery} was granted, and never ended"


def no_result_without_receipt(book: Book, told: Told) -> Iterator[str]:
    """Law 3: what was answered as searched has the plane's receipt, and that one."""
    signed = {
        (one.body["search_id"], one.body["gallery"]): statements.statement_sha256(
            Attestation.from_json(one.body["attestation"])
        )
        for one in book.of("search.executed")
    }
    for said in told.of("searched"):
        for gallery, status in said["galleries"].items():
            held = signed.get((said["search_id"], gallery))
            if status == GalleryStatus.SEARCHED.value and held is None:
                yield f"{said['search_id']} in {gallery} was answered without a receipt"
            elif said["receipts"].get(gallery) not in (None, held):
                yield f"{said['search_id']} in {gallery} was answered with another receipt"


def the_deleted_stay_away(book: Book, told: Told) -> Iterator[str]:
    """Law 9: searched with its own picture, after its deletion was acknowledged."""
    for said, best in _best(book, told):
        if said["deleted"] and best >= THE_SAME_PICTURE:
            yield f"{said['record']} was deleted, and {said['search_id']} found it again"


def lost_mates(book: Book, told: Told) -> int:
    """Searches that did not find a record which was live all the while. No law, and told all the
    same: it shows that the search for the deleted could have found them.
    """
    return sum(said["live"] and best < THE_SAME_PICTURE for said, best in _best(book, told))


def found_mates(book: Book, told: Told) -> int:
    return sum(said["live"] and best >= THE_SAME_PICTURE for said, best in _best(book, told))


def deletions_stand(book: Book, told: Told) -> Iterator[str]:
    """Law 9: each that was acknowledged is in the ledger, once."""
    deleted = [canonical.encode(one) for one in book.deletions()]
    for said in told.of("deleted"):
        count = deleted.count(canonical.encode(statement(said["statement"])))
        if count != 1:
            yield f"the deletion of {said['record']} is in {count} entries"


def enrolments_are_told_once(book: Book, told: Told) -> Iterator[str]:
    """R-22, R-42, R-45: what became live is in the ledger, once."""
    counted = Counter(book.enrolments())
    for enrolment in {*counted, *(one["enrolment"] for one in told.of("live"))}:
        if counted[enrolment] != 1:
            yield f"enrolment {enrolment} is in {counted[enrolment]} entries"


def changes_without_gap(book: Book, _: Told) -> Iterator[str]:
    """R-42, law 9: what a plane says of its gallery is dense, chained, and numbered once."""
    for gallery in GALLERIES:
        previous = _FIRST
        for number, body in enumerate(book.statements(gallery), 1):
            change = body["change"]
            if (change["sequence"], change["previous"]) != (number, previous):
                yield f"{gallery}: change {number} is no {change['sequence']}"
                break
            previous = statements.statement_sha256(Attestation.from_json(body["attestation"]))


def looks_and_decisions_stand(book: Book, told: Told) -> Iterator[str]:
    """Law 6: nobody looked without an entry, and no decision was lost or taken twice."""
    logged = Counter(
        (one.body["task_id"], one.body["target"].get("candidate_ref", "probe"))
        for one in book.of("look.granted")
    )
    for task_id, at in Counter((one["task_id"], one["at"]) for one in told.of("looked")) - logged:
        yield f"somebody looked at {at} of task {task_id}, and no entry says so"
    decided = {one.index: one.body["task_id"] for one in book.of("examination.decided")}
    for said in told.of("decided"):
        if said["entry"] is not None and decided.get(said["entry"]) != said["task_id"]:
            yield f"the decision on task {said['task_id']} was lost"
        elif said["task_id"] not in decided.values():
            yield f"the decision on task {said['task_id']} is in no entry"
    for task_id, count in Counter(decided.values()).items():
        if count > 1:
            yield f"task {task_id} was decided {count} times"


def no_release_unlogged(book: Book, told: Told) -> Iterator[str]:
    """R-22, law 6."""
    released = Counter(one.body["search_id"] for one in book.of("lead.released"))
    for search_id, count in released.items():
        if count > 1:
            yield f"{search_id} was released {count} times"
    sought = {one["search_id"]: one["record"] for one in told.of("searched")}
    for said in told.of("released"):
        if said["search_id"] not in released:
            yield f"the lead of {said['search_id']} was given out, and no entry releases it"
        if said["records"] != [sought[said["search_id"]]]:
            yield f"{said['search_id']} led to {said['records']}, not {sought[said['search_id']]}"


def leads_say_who_saw_them(book: Book, told: Told) -> Iterator[str]:
    """Law 6, R-16, R-24: each bears its stamp, and UNWITNESSED unless every witness that is needed
    (all of them are) had cosigned its release when it was given out.
    """
    released = {one.body["search_id"]: one.index for one in book.of("lead.released")}
    for said in told.of("released"):
        if LEAD_STAMP not in said["stamps"]:
            yield f"the lead of {said['search_id']} was given out without its stamp"
        if UNWITNESSED_STAMP in said["stamps"] or said["search_id"] not in released:
            continue
        index = released[said["search_id"]]
        if not said["cosigned"] or min(said["cosigned"]) <= index:
            yield (
                f"the lead of {said['search_id']}, entry {index}, was called witnessed when "
                f"witnesses had cosigned {said['cosigned']} entries"
            )


def leads_by_stamp(told: Told) -> Counter[str]:
    """How many leads were given out witnessed, and how many not."""
    return Counter(
        "unwitnessed" if UNWITNESSED_STAMP in said["stamps"] else "witnessed"
        for said in told.of("released")
    )


def _best(book: Book, told: Told) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Each search that was answered and executed where its record is, and its best similarity."""
    receipts = {
        (one.body["search_id"], one.body["gallery"]): one.body["receipt"]
        for one in book.of("search.executed")
    }
    for said in told.of("searched"):
        receipt = receipts.get((said["search_id"], said["of"]))
        if receipt is not None:
            best = max((one["similarity"] for one in receipt["candidates"]), default=0)
            yield said, best


ALWAYS: Final[Sequence[Always]] = (
    receipts_without_gap,
    one_entry_a_request,
    one_end_at_most,
    acknowledged_entries_stand,
    no_alarm,
)
AT_THE_END: Final[Sequence[AtTheEnd]] = (
    one_end,
    no_result_without_receipt,
    the_deleted_stay_away,
    deletions_stand,
    enrolments_are_told_once,
    changes_without_gap,
    looks_and_decisions_stand,
    no_release_unlogged,
    leads_say_who_saw_them,
)
