"""Law 9, R-26, R-30: delete means gone, and the receipt says no more than is proved."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from onrecord.chassis.sealing import unwrap
from onrecord.contracts.enrolment import ChunkRef, RowStatus, portrait_aad
from onrecord.contracts.events import EnrolmentRejected, GalleryChanged, ingest_object_key
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Role, Service
from onrecord.proof import statements
from onrecord.proof.commitment import record_commitment
from onrecord.vector_search.adapters.milvus import MilvusIndex
from onrecord.vector_search.core.values import RecordState
from onrecord.vector_search.roster.live import live_rows
from onrecord.vector_search.service.compacting import SETTLED, Compactions
from onrecord.vector_search.service.deleting import Deletions
from tests.builders.holding import (
    BEGIN,
    GALLERY,
    Holding,
    build_holding,
    image_of,
    name_of,
    vector_of,
)
from tests.builders.index import ExactIndex


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Holding]:
    built = build_holding(tmp_path)
    for number in range(3):
        built.put(number)
    yield built
    built.close()


@pytest.fixture
def deletions(held: Holding) -> Deletions:
    return Deletions(held.parts, held.known)


def refusal(act: object) -> ErrorCode:
    with pytest.raises(OnRecordError) as refused:
        act()  # type: ignore[operator]
    return refused.value.code


class TestOneRecord:
    def test_it_is_gone_everywhere_when_it_is_acknowledged(
        self, held: Holding, deletions: Deletions
    ) -> None:
        enrolment_id = held.put(7)
        before = held.row(enrolment_id)
        receipt = deletions.delete(GALLERY, name_of(7), held.custodian(), held.deadline)
        row = held.row(enrolment_id)
        assert (row.state, row.remains) == ("gone", 0)
        assert row.wrapped_key is row.record_id is row.image_sha256 is None
        assert not held.vault.exists(before.vault_key)
        assert before.index_key not in held.exact.held(GALLERY)
        with held.parts.roster.connect() as tx:
            assert live_rows(tx, [before.index_key]) == {}
        assert held.gallery.live_records == 3
        assert (receipt.generation, receipt.not_returned_from) == (1, BEGIN)
        assert receipt.backups_expire_at == BEGIN + timedelta(days=35)
        assert receipt.vectors_compacted_at is None
        assert receipt.compacted is None

    def test_the_words_of_the_record_stand_nowhere_on_disk_afterwards(
        self, held: Holding, deletions: Deletions
    ) -> None:
        """R-30: the id and the wrapped key are looked for in every byte of the roster's files."""
        enrolment_id = held.put(7)
        wrapped, image = held.row(enrolment_id).wrapped_key, held.row(enrolment_id).image_sha256
        roster = [held.folder / f"roster.db{end}" for end in ("", "-wal")]

        def standing(words: bytes) -> bool:
            return any(path.exists() and words in path.read_bytes() for path in roster)

        words = (name_of(7).encode(), wrapped, image.encode())
        assert all(standing(one) for one in words)
        deletions.delete(GALLERY, name_of(7), held.custodian(), held.deadline)
        assert not any(standing(one) for one in words)

    def test_what_is_signed_can_be_told_by_whoever_holds_the_key_and_by_nobody_else(
        self, held: Holding, deletions: Deletions
    ) -> None:
        """R-26: the commitment is under the portrait's data key, which is destroyed."""
        enrolment_id = held.put(7)
        row = held.row(enrolment_id)
        data_key = unwrap(
            held.parts.keys.private_key(GALLERY),
            row.wrapped_key,
            portrait_aad(GALLERY, enrolment_id, row.image_sha256),
        )
        receipt = deletions.delete(GALLERY, name_of(7), held.custodian(), held.deadline)
        said = held.verifier.verify(
            receipt.deleted, Service.VECTOR_SEARCH, statements.RECORD_DELETED
        )
        assert said["record"] == record_commitment(
            data_key, bytes.fromhex(said["salt"]), f"record:{name_of(7)}"
        )
        assert {name: said[name] for name in ("gallery", "generation", "manifest", "chunk")} == {
            "gallery": GALLERY,
            "generation": 1,
            "manifest": None,
            "chunk": None,
        }
        assert said["by"]["person"] == "custodian-1"
        assert said["not_returned_from"] == format_time(BEGIN)
        assert name_of(7).encode() not in receipt.deleted.statement
        assert held.published.events() == [GalleryChanged(receipt.deleted)]

    def test_a_repeat_has_the_same_receipt_and_tells_the_ledger_once(
        self, held: Holding, deletions: Deletions
    ) -> None:
        first = deletions.delete(GALLERY, name_of(1), held.custodian(), held.deadline)
        held.clock.pass_by(hours=5)
        again = deletions.delete(GALLERY, name_of(1), held.custodian(), held.deadline)
        assert first == again
        assert first == deletions.receipt(GALLERY, name_of(1), held.custodian(), held.deadline)
        assert len(held.published.messages) == 1

    def test_while_it_is_enrolling_neither_generation_comes_to_be(
        self, held: Holding, deletions: Deletions
    ) -> None:
        live = held.put(7)
        pending = held.put(8, record=7, state=RecordState.PENDING)
        receipt = deletions.delete(GALLERY, name_of(7), held.custodian(), held.deadline)
        assert receipt.generation == 2
        assert [held.row(one).state for one in (live, pending)] == ["gone", "gone"]
        assert held.row(pending).code == ErrorCode.RECORD_DELETED.value
        assert held.row(live).code is None
        assert not held.ingest.exists(ingest_object_key(GALLERY, pending))
        (rejected,) = [one for one in held.published.events() if isinstance(one, EnrolmentRejected)]
        assert rejected.enrolment.enrolment_id == pending
        assert rejected.code is ErrorCode.RECORD_DELETED

    def test_enrolled_again_later_it_is_another_generation_with_another_end(
        self, held: Holding, deletions: Deletions
    ) -> None:
        first = deletions.delete(GALLERY, name_of(1), held.custodian(), held.deadline)
        again = held.put(1)
        assert held.row(again).generation == 2
        assert held.gallery.live_records == 3
        second = deletions.delete(GALLERY, name_of(1), held.custodian(), held.deadline)
        assert (first.generation, second.generation) == (1, 2)
        assert second == deletions.receipt(GALLERY, name_of(1), held.custodian(), held.deadline)

    def test_of_a_record_that_never_was(self, held: Holding, deletions: Deletions) -> None:
        for act in (deletions.delete, deletions.receipt):
            code = refusal(lambda act=act: act(GALLERY, "UT-9", held.custodian(), held.deadline))
            assert code is ErrorCode.NOT_FOUND
        code = refusal(
            lambda: deletions.receipt(GALLERY, name_of(1), held.custodian(), held.deadline)
        )
        assert code is ErrorCode.NOT_FOUND
        assert held.published.messages == []

    def test_deleted_by_two_at_once_it_is_deleted_once(
        self, held: Holding, deletions: Deletions
    ) -> None:
        token, receipts = held.custodian(), []
        threads = [
            threading.Thread(
                target=lambda: receipts.append(
                    deletions.delete(GALLERY, name_of(1), token, held.deadline)
                )
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(receipts) == 4
        assert all(one == receipts[0] for one in receipts)
        assert held.gallery.live_records == 2


class TestWhoMay:
    """Law 10: the plane looks at the token itself."""

    def test_only_the_gallerys_own_custodian(self, held: Holding, deletions: Deletions) -> None:
        for token, code in (
            ("", ErrorCode.TOKEN_MISSING),
            ("not a token", ErrorCode.TOKEN_INVALID),
            (held.custodian(role=Role.OPERATOR), ErrorCode.ROLE_MISSING),
            (held.custodian("US-VT"), ErrorCode.CALLER_NOT_ALLOWED),
        ):
            for act in (deletions.delete, deletions.receipt):
                found = refusal(
                    lambda act=act, token=token: act(GALLERY, name_of(1), token, held.deadline)
                )
                assert found is code
        assert held.gallery.live_records == 3

    def test_a_token_that_has_run_out(self, held: Holding, deletions: Deletions) -> None:
        token = held.custodian()
        held.clock.pass_by(minutes=20)
        code = refusal(lambda: deletions.delete(GALLERY, name_of(1), token, held.deadline))
        assert code is ErrorCode.TOKEN_EXPIRED


class TestWhenSomethingIsDown:
    def test_the_index_the_record_is_gone_all_the_same_and_cleared_later(
        self, held: Holding, deletions: Deletions
    ) -> None:
        enrolment_id = held.put(7)
        key = held.row(enrolment_id).index_key
        held.exact.down = True
        deletions.delete(GALLERY, name_of(7), held.custodian(), held.deadline)
        held.exact.down = False
        assert held.row(enrolment_id).remains == 1
        assert key in held.exact.held(GALLERY)
        held.clock.pass_by(minutes=11)
        assert Compactions(held.parts, held.known).run(held.deadline) == 1
        assert key not in held.exact.held(GALLERY)

    def test_the_bus_the_ledger_is_told_when_it_is_up(
        self, held: Holding, deletions: Deletions
    ) -> None:
        held.published.down = True

        def delete() -> object:
            return deletions.delete(GALLERY, name_of(1), held.custodian(), held.deadline)

        assert refusal(delete) is ErrorCode.BUS_UNAVAILABLE
        assert held.gallery.live_records == 2
        held.published.down = False
        delete()
        assert len(held.published.messages) == 1


class TestAListTheStateSigned:
    def said(self, held: Holding, kind: str) -> list[dict[str, Any]]:
        changes = [one.change for one in held.published.events() if isinstance(one, GalleryChanged)]
        return [said for said in map(statements.read, changes) if said["type"] == kind]

    def test_each_row_ends_and_says_which_list_it_was(
        self, held: Holding, deletions: Deletions
    ) -> None:
        ref = held.bring_list(name_of(1), "UT-99", name_of(2))
        deletions.carry_out(ref, held.deadline)
        assert held.statuses(ref) == [RowStatus.DELETED, RowStatus.UNKNOWN, RowStatus.DELETED]
        assert held.gallery.live_records == 1
        deleted = self.said(held, statements.RECORD_DELETED)
        assert [(one["manifest"], one["chunk"]) for one in deleted] == [(ref.manifest_id, 0)] * 2
        (chunk,) = self.said(held, statements.GALLERY_CHANGED)
        assert (chunk["act"], chunk["accepted"], chunk["unchanged"]) == ("delete", 2, 1)

    def test_carried_out_twice_it_is_carried_out_once(
        self, held: Holding, deletions: Deletions
    ) -> None:
        ref = held.bring_list(name_of(0), name_of(1), name_of(2))
        deletions.carry_out(ref, held.deadline)
        deletions.carry_out(ref, held.deadline)
        assert held.statuses(ref) == [RowStatus.DELETED] * 3
        assert len(held.published.messages) == 4

    def test_one_deleted_before_keeps_its_receipt(
        self, held: Holding, deletions: Deletions
    ) -> None:
        first = deletions.delete(GALLERY, name_of(1), held.custodian(), held.deadline)
        ref = held.bring_list(name_of(1))
        deletions.carry_out(ref, held.deadline)
        assert held.statuses(ref) == [RowStatus.DELETED]
        after = deletions.receipt(GALLERY, name_of(1), held.custodian(), held.deadline)
        assert after == first

    def test_longer_than_one_transaction(self, held: Holding, deletions: Deletions) -> None:
        for number in range(10, 310):
            held.put(number, state=RecordState.PENDING)
        ref = held.bring_list(*(name_of(number) for number in range(10, 310)))
        deletions.carry_out(ref, held.deadline)
        assert held.statuses(ref) == [RowStatus.DELETED] * 300
        assert len(self.said(held, statements.RECORD_DELETED)) == 300
        assert list(held.vault.keys("vault/US-UT")) == sorted(
            held.row(f"{n:032x}").vault_key for n in (1, 2, 3)
        )

    def test_no_list_of_deletions(self, held: Holding, deletions: Deletions) -> None:
        ref = ChunkRef("0" * 64, 0)
        code = refusal(lambda: deletions.carry_out(ref, held.deadline))
        assert code is ErrorCode.NOT_FOUND


class TestCompaction:
    def test_the_receipt_gets_its_second_time_when_the_bytes_are_gone(
        self, held: Holding, deletions: Deletions
    ) -> None:
        held.put(7)
        compactions = Compactions(held.parts, held.known)
        log = held.folder / "index.jsonl"
        value = repr(float(vector_of(7)[0]))
        receipt = deletions.delete(GALLERY, name_of(7), held.custodian(), held.deadline)
        assert compactions.run(held.deadline) == 0, "something may still be on its way"
        assert value in log.read_text()
        held.clock.pass_by(seconds=SETTLED.total_seconds() + 1)
        assert compactions.run(held.deadline) == 1
        assert value not in log.read_text()
        after = deletions.receipt(GALLERY, name_of(7), held.custodian(), held.deadline)
        assert after == replace(
            receipt,
            vectors_compacted_at=held.clock.now(),
            compacted=after.compacted,
        )
        assert after.compacted is not None
        said = held.verifier.verify(
            after.compacted, Service.VECTOR_SEARCH, statements.RECORD_COMPACTED
        )
        assert said["deleted"] == statements.statement_sha256(receipt.deleted)
        assert compactions.run(held.deadline) == 0

    def test_an_index_that_does_not_drop_the_bytes_is_not_vouched_for(
        self, held: Holding, deletions: Deletions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deletions.delete(GALLERY, name_of(1), held.custodian(), held.deadline)
        held.clock.pass_by(hours=1)

        def refuse(*_: object) -> None:
            raise OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "two files remain")

        monkeypatch.setattr(ExactIndex, "compact", refuse)
        compactions = Compactions(held.parts, held.known)
        assert refusal(lambda: compactions.run(held.deadline)) is ErrorCode.PLANE_UNAVAILABLE
        receipt = deletions.receipt(GALLERY, name_of(1), held.custodian(), held.deadline)
        assert receipt.vectors_compacted_at is None

    def test_a_vector_that_came_late_is_taken_out_with_the_rest(
        self, held: Holding, deletions: Deletions
    ) -> None:
        enrolment_id = held.put(7, state=RecordState.PENDING)
        key = held.row(enrolment_id).index_key
        deletions.delete(GALLERY, name_of(7), held.custodian(), held.deadline)
        held.parts.index.insert(held.gallery.space, [(key, vector_of(7))], held.deadline)
        held.clock.pass_by(hours=1)
        assert Compactions(held.parts, held.known).run(held.deadline) == 1
        assert key not in held.exact.held(GALLERY)

    def test_on_milvus_nothing_of_it_is_left_in_any_file(self, tmp_path: Path) -> None:
        """R-30: read from Milvus Lite's own files, from outside."""
        held = build_holding(
            tmp_path / "plane", index=lambda folder: MilvusIndex.on_file(folder / "vectors.db")
        )
        for number in range(120):
            held.put(number)
        raw = vector_of(7).tobytes()[:16]

        def standing() -> bool:
            files = (path for path in (held.folder / "vectors.db").rglob("*") if path.is_file())
            return any(raw in path.read_bytes() for path in files)

        deletions = Deletions(held.parts, held.known)
        deletions.delete(GALLERY, name_of(7), held.custodian(), held.deadline)
        assert standing()
        held.clock.pass_by(hours=1)
        assert Compactions(held.parts, held.known).run(held.deadline) == 1
        assert not standing()
        hits = held.parts.index.search(held.gallery.space, vector_of(8), 200, held.deadline)
        assert len(hits) == 119
        assert image_of(7) not in b"".join(
            held.vault.get(key) for key in held.vault.keys("vault/US-UT")
        )
        held.close()
