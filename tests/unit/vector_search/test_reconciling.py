"""R-48: roster, index and vault agree, or it is said where they do not, and ended."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.chassis.sealing import decrypt
from onrecord.contracts.enrolment import GalleryCheck, vault_object_key
from onrecord.contracts.events import (
    EnrolmentRequested,
    GalleryChanged,
    ingest_object_key,
    transport_aad,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role, Service
from onrecord.proof import canonical, statements
from onrecord.proof.merkle import leaf_hash, root_of
from onrecord.vector_search.core.comparing import differences
from onrecord.vector_search.core.values import RecordState
from onrecord.vector_search.service.deleting import Deletions
from onrecord.vector_search.service.reconciling import Reconciliation
from onrecord.vector_search.service.redriving import Redrives
from tests.builders.databases import dump_database, restore_database
from tests.builders.holding import GALLERY, Holding, build_holding, image_of, name_of, vector_of

COUNT = 6


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Holding]:
    built = build_holding(tmp_path / "plane")
    for number in range(COUNT):
        built.put(number)
    yield built
    built.close()


@pytest.fixture
def reconciliation(held: Holding) -> Reconciliation:
    return Reconciliation(held.parts, held.known, held.transport)


@pytest.fixture
def redrives(held: Holding) -> Redrives:
    return Redrives(held.parts, held.known, held.transport)


def check(held: Holding, reconciliation: Reconciliation, *, repair: bool = False) -> GalleryCheck:
    return reconciliation.check(GALLERY, repair, held.custodian(), held.deadline)


def found(held: Holding, **counts: int) -> GalleryCheck:
    expected = {
        "live": COUNT,
        "indexed": COUNT,
        "missing_vectors": 0,
        "ghosts": 0,
        "missing_portraits": 0,
        "repaired": 0,
        "unknown_portraits": 0,
        **counts,
    }
    return GalleryCheck(gallery=GALLERY, **expected)


class TestChecking:
    def test_where_all_agree_nothing_is_found(
        self, held: Holding, reconciliation: Reconciliation
    ) -> None:
        assert check(held, reconciliation) == found(held)
        assert check(held, reconciliation, repair=True) == found(held)
        assert held.published.messages == []

    def test_each_difference_is_counted_and_nothing_is_touched(
        self, held: Holding, reconciliation: Reconciliation
    ) -> None:
        space = held.gallery.space
        held.parts.index.delete(space, [held.row(f"{1:032x}").index_key], held.deadline)
        held.parts.index.insert(space, [("f" * 64, vector_of(99))], held.deadline)
        held.vault.delete(held.row(f"{2:032x}").vault_key)
        held.vault.put(held.row(f"{3:032x}").vault_key, b"other bytes")
        expected = found(held, missing_vectors=1, ghosts=1, missing_portraits=2)
        assert check(held, reconciliation) == expected
        assert check(held, reconciliation) == expected

    def test_a_vector_that_is_about_to_be_live_is_no_ghost(
        self, held: Holding, reconciliation: Reconciliation
    ) -> None:
        pending = held.put(7, state=RecordState.PENDING)
        key = held.row(pending).index_key
        held.parts.index.insert(held.gallery.space, [(key, vector_of(7))], held.deadline)
        assert check(held, reconciliation, repair=True) == found(held, indexed=COUNT + 1)
        assert key in held.exact.held(GALLERY)

    def test_only_the_custodian_may(self, held: Holding, reconciliation: Reconciliation) -> None:
        with pytest.raises(OnRecordError) as refused:
            reconciliation.check(GALLERY, False, held.custodian("US-VT"), held.deadline)
        assert refused.value.code is ErrorCode.CALLER_NOT_ALLOWED

    @given(st.sets(st.text("abc", min_size=1)), st.sets(st.text("abc", min_size=1)))
    def test_the_comparison_finds_what_sets_would(self, ours: set[str], theirs: set[str]) -> None:
        differing = list(differences(iter(sorted(ours)), iter(sorted(theirs))))
        assert {one.key for one in differing if one.ours} == ours - theirs
        assert {one.key for one in differing if not one.ours} == theirs - ours
        assert [one.key for one in differing] == sorted(ours ^ theirs)


class TestRepairing:
    def test_a_collection_dropped_behind_our_back_is_asked_for_again(
        self, held: Holding, reconciliation: Reconciliation
    ) -> None:
        held.exact.drop(GALLERY)
        after = check(held, reconciliation, repair=True)
        assert after == found(held, indexed=0, missing_vectors=COUNT, repaired=COUNT)
        events = held.published.events()
        assert len(events) == COUNT
        for event in events:
            assert isinstance(event, EnrolmentRequested)
            row = held.row(event.enrolment.enrolment_id)
            # The same generation, still live, and processed under a ticket of today.
            assert (row.state, row.generation) == ("live", event.enrolment.generation)
            assert row.ticket == statements.mandate_id(event.ticket)

    def test_one_whose_portrait_is_gone_too_is_told_and_not_claimed(
        self, held: Holding, reconciliation: Reconciliation
    ) -> None:
        held.exact.drop(GALLERY)
        held.vault.delete(held.row(f"{1:032x}").vault_key)
        after = check(held, reconciliation, repair=True)
        assert (after.missing_portraits, after.repaired) == (1, COUNT - 1)

    def test_a_roster_from_yesterday_has_ghosts_which_go_and_portraits_which_stay(
        self, tmp_path: Path
    ) -> None:
        """What was enrolled since the backup is not returned; its sealed portraits are kept for
        whoever finds a later roster."""
        today = build_holding(tmp_path / "plane")
        for number in range(COUNT):
            today.put(number)
        backup = tmp_path / "yesterday"
        dump_database(today.folder, "roster", backup)
        later = [today.row(today.put(number)) for number in (7, 8)]
        today.close()
        restore_database(today.folder, "roster", backup)
        restored = build_holding(today.folder)
        reconciliation = Reconciliation(restored.parts, restored.known, restored.transport)
        expected = found(restored, ghosts=2, repaired=2, unknown_portraits=2)
        assert check(restored, reconciliation, repair=True) == expected
        assert not {row.index_key for row in later} & restored.exact.held(GALLERY)
        assert all(restored.vault.exists(row.vault_key) for row in later)
        assert check(restored, reconciliation) == found(restored, unknown_portraits=2)
        assert restored.published.messages == [], "nothing was done that the ledger must know"
        restored.close()

    def test_a_portrait_sealed_for_a_record_that_is_gone_goes_too(
        self, held: Holding, reconciliation: Reconciliation
    ) -> None:
        """A gateway that was slow puts it there after the deletion; nobody has its key."""
        enrolment_id = held.put(7, state=RecordState.PENDING)
        key = held.row(enrolment_id).vault_key
        Deletions(held.parts, held.known).delete(
            GALLERY, name_of(7), held.custodian(), held.deadline
        )
        held.vault.put(key, b"late")
        check(held, reconciliation, repair=True)
        assert not held.vault.exists(key)

    def test_what_a_crash_left_of_a_gone_generation_goes(
        self, held: Holding, reconciliation: Reconciliation
    ) -> None:
        enrolment_id = held.put(7)
        held.exact.down = True
        Deletions(held.parts, held.known).delete(
            GALLERY, name_of(7), held.custodian(), held.deadline
        )
        held.exact.down = False
        assert check(held, reconciliation) == found(held, indexed=COUNT + 1, ghosts=1)
        assert check(held, reconciliation, repair=True) == found(held)
        assert held.row(enrolment_id).remains == 0


class TestPortraitsOfNoKnownEnrolment:
    """A roster restored from yesterday: what was enrolled since stands in the vault alone."""

    @pytest.fixture
    def strays(self, held: Holding) -> list[str]:
        keys = [vault_object_key(GALLERY, f"{number:032x}") for number in (70, 71, 72)]
        for key in keys:
            held.vault.put(key, b"sealed " + key.encode())
        return keys

    def remove(
        self, held: Holding, reconciliation: Reconciliation, count: int, token: str = ""
    ) -> GalleryCheck:
        return reconciliation.check(
            GALLERY, False, token or held.custodian(), held.deadline, remove_unknown=count
        )

    def test_they_are_told_and_stay_whatever_else_is_repaired(
        self, held: Holding, reconciliation: Reconciliation, strays: list[str]
    ) -> None:
        """R-48: they may be of records that a later roster knows."""
        for repair in (False, True):
            assert check(held, reconciliation, repair=repair) == found(held, unknown_portraits=3)
        assert all(held.vault.exists(key) for key in strays)

    def test_whoever_says_how_many_there_are_destroys_them_on_the_record(
        self, held: Holding, reconciliation: Reconciliation, strays: list[str]
    ) -> None:
        leaves = [
            leaf_hash(
                canonical.encode({"portrait": hashlib.sha256(held.vault.get(key)).hexdigest()})
            )
            for key in sorted(strays)
        ]
        assert self.remove(held, reconciliation, 3) == found(held)
        assert not any(held.vault.exists(key) for key in strays)
        (event,) = held.published.events()
        assert isinstance(event, GalleryChanged)
        said = held.verifier.verify(event.change, Service.VECTOR_SEARCH, statements.GALLERY_CHANGED)
        assert (said["act"], said["what"], said["rows"]) == ("delete", "unknown_portraits", 3)
        assert said["accepted_root"] == root_of(leaves).hex()
        assert said["by"]["person"] == "custodian-1"

    @pytest.mark.parametrize("count", [2, 4])
    def test_another_number_destroys_nothing(
        self, held: Holding, reconciliation: Reconciliation, strays: list[str], count: int
    ) -> None:
        """Whoever counted looked at another vault, or at this one at another time."""
        with pytest.raises(OnRecordError) as refused:
            self.remove(held, reconciliation, count)
        assert refused.value.code is ErrorCode.FIELD_INVALID
        assert refused.value.details == {"unknown": 3}
        assert all(held.vault.exists(key) for key in strays)
        assert held.published.messages == []

    def test_it_is_the_custodians_alone_to_say(
        self, held: Holding, reconciliation: Reconciliation, strays: list[str]
    ) -> None:
        operator = held.custodian(role=Role.OPERATOR)
        assert reconciliation.check(GALLERY, True, operator, held.deadline).unknown_portraits == 3
        with pytest.raises(OnRecordError) as refused:
            self.remove(held, reconciliation, 3, operator)
        assert refused.value.code is ErrorCode.ROLE_MISSING
        assert all(held.vault.exists(key) for key in strays)

    def test_the_ledger_is_told_before_anything_is_destroyed(
        self,
        held: Holding,
        reconciliation: Reconciliation,
        strays: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Law 3's way: who dies in between has said too much, never too little."""

        def die(key: str) -> None:
            raise OnRecordError(ErrorCode.STORAGE_FULL, "died")

        monkeypatch.setattr(held.vault, "delete", die)
        with pytest.raises(OnRecordError):
            self.remove(held, reconciliation, 3)
        assert len(held.published.messages) == 1
        monkeypatch.undo()
        assert self.remove(held, reconciliation, 3) == found(held)

    def test_a_portrait_that_was_brought_just_now_is_none_of_them(
        self, held: Holding, reconciliation: Reconciliation
    ) -> None:
        held.put(7, state=RecordState.PENDING)
        held.put(8, state=RecordState.GONE)
        assert check(held, reconciliation) == found(held)


class TestRedriving:
    def test_it_starts_again_from_the_vault_under_a_key_of_today(
        self, held: Holding, redrives: Redrives
    ) -> None:
        enrolment_id = held.put(7, state=RecordState.PENDING)
        redrives.redrive(GALLERY, [enrolment_id], held.custodian(), held.deadline)
        (event,) = held.published.events()
        assert isinstance(event, EnrolmentRequested)
        assert event.object_key == ingest_object_key(GALLERY, enrolment_id)
        image = decrypt(
            held.transport.key.key,
            held.ingest.get(event.object_key),
            transport_aad("portrait", event.enrolment),
        )
        assert image == image_of(7)
        said = held.verifier.verify(
            event.ticket, Service.VECTOR_SEARCH, statements.ENROLMENT_TICKET
        )
        assert said["image_sha256"] == event.image_sha256 == hashlib.sha256(image).hexdigest()
        assert name_of(7).encode() not in event.ticket.statement

    def test_where_it_cannot_it_says_why(self, held: Holding, redrives: Redrives) -> None:
        begun = held.put(7, state=RecordState.PENDING, submitted=False)
        deleted = held.put(8, state=RecordState.PENDING)
        replaced = held.put(9, state=RecordState.GONE)
        lost = held.put(10, state=RecordState.PENDING)
        altered = held.put(11, state=RecordState.PENDING)
        good = held.put(12, state=RecordState.PENDING)
        Deletions(held.parts, held.known).delete(
            GALLERY, name_of(8), held.custodian(), held.deadline
        )
        held.vault.delete(held.row(lost).vault_key)
        held.vault.put(held.row(altered).vault_key, held.vault.get(held.row(good).vault_key))
        before = len(held.published.messages)
        asked = [begun, deleted, replaced, lost, altered, "0" * 32, good]
        done = redrives.redrive(GALLERY, asked, held.custodian(), held.deadline)
        assert [one.enrolment_id for one in done] == asked
        assert [one.code for one in done] == [
            ErrorCode.UPLOAD_INCOMPLETE,
            ErrorCode.RECORD_DELETED,
            ErrorCode.GENERATION_STALE,
            ErrorCode.IMAGE_MISSING,
            ErrorCode.SEAL_INVALID,
            ErrorCode.NOT_FOUND,
            None,
        ]
        assert len(held.published.messages) == before + 1

    def test_only_the_custodian_may(self, held: Holding, redrives: Redrives) -> None:
        with pytest.raises(OnRecordError) as refused:
            redrives.redrive(GALLERY, [f"{1:032x}"], held.custodian("US-VT"), held.deadline)
        assert refused.value.code is ErrorCode.CALLER_NOT_ALLOWED
