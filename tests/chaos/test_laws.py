"""R-22, R-23, laws 3, 6 and 9: each law is found broken where it was."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from onrecord.kernel.vocabulary import LEAD_STAMP, UNWITNESSED_STAMP
from onrecord.proof import canonical
from tests.builders.e2e_ledger import Entry
from tests.chaos import laws
from tests.chaos.book import Book
from tests.chaos.told import Told

UTAH = "US-UT"
_EXPIRES = "2026-11-23T10:00:00.00Z"


def _book(*bodies: dict[str, Any]) -> Book:
    entries = [Entry(index, body) for index, body in enumerate(bodies)]
    return Book(entries, [canonical.encode(one) for one in bodies])


def _granted(search_id: str) -> dict[str, Any]:
    return {
        "kind": "request.granted",
        "search_id": search_id,
        "expires_at": _EXPIRES,
        "galleries": {UTAH: {"decision": "granted"}},
    }


def _receipt(sequence: int, previous: str, similarity: int = 0) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "previous": previous,
        "candidates": [{"similarity": similarity}],
    }


def _executed(search_id: str, receipt: dict[str, Any]) -> dict[str, Any]:
    signed = {"statement": base64.b64encode(b"{}").decode(), "signature": "", "chain": []}
    return {
        "kind": "search.executed",
        "search_id": search_id,
        "gallery": UTAH,
        "receipt": receipt,
        "attestation": signed,
    }


def _told(folder: Path, search_id: str = "s", **differently: Any) -> Told:
    told = Told(folder)
    said = {
        "search_id": search_id,
        "index": 0,
        "body": base64.b64encode(canonical.encode(_granted("s"))).decode(),
        "galleries": {UTAH: "searched"},
        "receipts": {},
        "of": UTAH,
        "record": "r",
        "deleted": False,
        "live": True,
    }
    told.note("searched", **{**said, **differently})
    return told


_FIRST = _receipt(1, "0" * 64)
_DIGEST = hashlib.sha256(canonical.encode(_FIRST)).hexdigest()


def test_a_gap_between_receipts_is_found(tmp_path: Path) -> None:
    told = _told(tmp_path)
    whole = _book(_executed("s", _FIRST), _executed("t", _receipt(2, _DIGEST)))
    assert not list(laws.receipts_without_gap(whole, told, []))
    for sequence, previous in ((3, _DIGEST), (2, "1" * 64), (1, "0" * 64)):
        broken = _book(_executed("s", _FIRST), _executed("t", _receipt(sequence, previous)))
        assert list(laws.receipts_without_gap(broken, told, []))


def test_an_acknowledged_entry_that_is_lost_or_replaced_is_found(tmp_path: Path) -> None:
    searched = _told(tmp_path).of("searched")
    held = laws.acknowledged_entries_stand
    assert not list(held(_book(_granted("s")), Told(tmp_path), searched))
    assert list(held(_book(), Told(tmp_path), searched))
    assert list(held(_book(_granted("t")), Told(tmp_path), searched))


def test_a_request_and_its_end_stand_once(tmp_path: Path) -> None:
    told, end = _told(tmp_path), _executed("s", _FIRST)
    assert not list(laws.one_end(_book(_granted("s"), end), told))
    assert list(laws.one_end(_book(_granted("s")), told))
    assert list(laws.one_end_at_most(_book(_granted("s"), end, end), told, []))
    assert list(laws.one_end_at_most(_book(end), told, []))
    assert list(laws.one_entry_a_request(_book(_granted("s"), _granted("s")), told, []))


def test_an_answer_without_its_receipt_is_found(tmp_path: Path) -> None:
    told = _told(tmp_path)
    assert list(laws.no_result_without_receipt(_book(_granted("s")), told))


def test_a_deleted_record_that_is_found_again_is_told(tmp_path: Path) -> None:
    told = _told(tmp_path, deleted=True, live=False)
    away = _book(_executed("s", _receipt(1, "0" * 64, 900_000)))
    back = _book(_executed("s", _receipt(1, "0" * 64, 1_000_000)))
    assert not list(laws.the_deleted_stay_away(away, told))
    assert list(laws.the_deleted_stay_away(back, told))


def test_a_lead_that_no_entry_releases_is_found(tmp_path: Path) -> None:
    told = _told(tmp_path)
    told.note("released", search_id="s", records=["r"])
    released = {"kind": "lead.released", "search_id": "s"}
    assert not list(laws.no_release_unlogged(_book(released), told))
    assert list(laws.no_release_unlogged(_book(), told))
    assert list(laws.no_release_unlogged(_book(released, released), told))


def test_a_lead_that_is_called_witnessed_and_is_not_is_found(tmp_path: Path) -> None:
    """R-16, R-24."""
    book = _book(_granted("s"), {"kind": "lead.released", "search_id": "s"})

    def told(name: str, cosigned: list[int], *stamps: str) -> Told:
        (tmp_path / name).mkdir()
        told = Told(tmp_path / name)
        told.note("released", search_id="s", records=["r"], stamps=stamps, cosigned=cosigned)
        return told

    law = laws.leads_say_who_saw_them
    assert not list(law(book, told("seen", [2, 3], LEAD_STAMP)))
    assert not list(law(book, told("unseen", [0, 2], LEAD_STAMP, UNWITNESSED_STAMP)))
    assert list(law(book, told("one", [1, 3], LEAD_STAMP)))
    assert list(law(book, told("nobody", [], LEAD_STAMP)))
    assert list(law(book, told("bare", [2, 2])))


def test_a_look_or_a_decision_that_is_lost_is_found(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.note("looked", task_id="t", at="probe")
    assert list(laws.looks_and_decisions_stand(_book(), told))
    look = {"kind": "look.granted", "task_id": "t", "target": {}}
    assert not list(laws.looks_and_decisions_stand(_book(look), told))
    told.note("decided", task_id="t", entry=1)
    assert list(laws.looks_and_decisions_stand(_book(look), told))
    decided = {"kind": "examination.decided", "task_id": "t"}
    assert not list(laws.looks_and_decisions_stand(_book(look, decided), told))
    assert list(laws.looks_and_decisions_stand(_book(look, decided, decided), told))


def test_an_enrolment_that_is_told_twice_or_never_is_found(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.note("live", enrolment="e", record="r")
    change = {"type": "t", "enrolment_id": "e"}
    entry = {"kind": "gallery.enrolled", "gallery": UTAH, "change": change}
    assert not list(laws.enrolments_are_told_once(_book(entry), told))
    assert list(laws.enrolments_are_told_once(_book(entry, entry), told))
    assert list(laws.enrolments_are_told_once(_book(), told))


def test_a_receipt_that_came_too_late_is_no_gap_and_an_alarm(tmp_path: Path) -> None:
    late = {"kind": "alarm.raised", "gallery": UTAH, "receipt": _receipt(2, _DIGEST)}
    book = _book(_executed("s", _FIRST), late)
    assert not list(laws.receipts_without_gap(book, Told(tmp_path), []))
    assert list(laws.no_alarm(book, Told(tmp_path), []))


def test_an_alarm_is_found(tmp_path: Path) -> None:
    assert list(laws.no_alarm(_book({"kind": "alarm.raised"}), Told(tmp_path), []))
