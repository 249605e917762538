"""Attacker: has the ledger's signing key and audit's database, object store and certificate."""

import json
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from onrecord.audit.core.draft import Draft
from onrecord.cli.ledger_source import folder_fetch
from onrecord.contracts.vector_search import GallerySearch
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof.checkpoint import SignedCheckpoint, open_checkpoint
from onrecord.proof.checks import LedgerFault
from onrecord.proof.tiles import CHECKPOINT_PATH
from onrecord.proof.verify import verify_ledger
from tests.attacks.conftest import Refused, kinds
from tests.builders.audit import PROBE
from tests.builders.joined import Joined, open_joined, second_plane
from tests.builders.plane import UTAH, face, near, sha256


def _fork(joined: Joined, stack: ExitStack) -> Joined:
    """The same ledger from here on twice, under one key."""
    joined.close()
    copy = joined.folder.parent / "other"
    shutil.copytree(joined.folder, copy)
    one, other = open_joined(joined.folder), open_joined(copy)
    joined.audit, joined.world = one.audit, one.world
    other.audit.keys = 50
    stack.callback(other.close)
    return other


def _ask(victim: Joined, elsewhere: Joined) -> object:
    """The victim's plane is shown a grant of the other history, whose ledger also answers it."""
    granted = elsewhere.audit.authorize("thief")
    parts = victim.world.plane._parts
    object.__setattr__(parts, "ledger", elsewhere.audit.service)
    return victim.search(granted.entry)


class TestTwoHistories:
    def test_a_plane_that_saw_one_takes_no_grant_of_the_other(
        self, joined: Joined, stack: ExitStack, refused: Refused
    ) -> None:
        """Law 2: a grant that stands in no history the plane knows, perfect in every other way."""
        other = _fork(joined, stack)
        joined.searched(1)
        refused(ErrorCode.LEDGER_INCONSISTENT, lambda: _ask(joined, other))

    def test_possible_a_plane_that_has_seen_neither_believes_the_first_it_is_shown(
        self, joined: Joined, stack: ExitStack
    ) -> None:
        """The attack succeeds on a plane made today: nothing tells it of the other history."""
        other = _fork(joined, stack)
        joined.searched(1)
        granted = other.audit.authorize("thief")
        fresh = second_plane(other, "fresh")
        stack.callback(fresh.plane.close)
        fresh.plane.create_gallery(
            fresh.setup(UTAH, authority_key=other.audit.state_keys[UTAH].verifier.text),
            other.audit.operator(),
            fresh.deadline,
        )
        template = fresh.template(granted.entry, PROBE, near(face(1), 1))
        fresh.plane.search(GallerySearch(UTAH, granted.entry, template), fresh.deadline)

    def test_two_readers_who_compare_have_the_proof(self, joined: Joined, stack: ExitStack) -> None:
        """R-24: each verifies by itself; one with the checkpoint of the other does not."""
        other = _fork(joined, stack)
        joined.searched(1)
        other.searched(1, person="thief")
        for side in (joined, other):
            side.audit.running.ledger.publish()
        key = joined.audit.signer.verifier
        seen = []
        for side in (joined, other):
            fetch = folder_fetch(side.folder / "audit" / "public")
            verify_ledger(fetch, key)
            note = fetch(CHECKPOINT_PATH).decode()
            seen.append(SignedCheckpoint(note, open_checkpoint(note, key).checkpoint))
        with pytest.raises(LedgerFault, match="extends"):
            verify_ledger(folder_fetch(joined.folder / "audit" / "public"), key, previous=seen[1])


def test_a_restored_backup_of_audit_grants_nothing_a_plane_believes(
    joined: Joined, folder: Path, refused: Refused, stack: ExitStack
) -> None:
    """R-48: database and object store of yesterday, together. The plane remembers today."""
    joined.audit.running.ledger.publish()
    joined.close()
    backup = folder.parent / "yesterday"
    shutil.copytree(folder / "audit", backup)
    today = open_joined(folder)
    today.searched(1)
    today.searched(2)
    today.close()
    shutil.rmtree(folder / "audit")
    shutil.copytree(backup, folder / "audit")
    after = open_joined(folder)
    joined.audit, joined.world = after.audit, after.world
    after.audit.keys = 30
    granted = after.audit.authorize("diaz")
    refused(ErrorCode.LEDGER_UNAVAILABLE, lambda: after.search(granted.entry))
    for number in range(6):  # until it is longer than what the plane has seen
        probe = sha256(b"probe %d" % number)
        granted = after.audit.authorize(f"diaz-{number}", probe=probe, case_number=f"c-{number}")
    refused(ErrorCode.LEDGER_INCONSISTENT, lambda: after.search(granted.entry, probe=probe))


def test_possible_a_request_is_logged_that_nobody_made(joined: Joined) -> None:
    """The attack succeeds: the key's holder writes what it likes, from now on, for all to see.

    The plane searches, since the entry is in the one history. It needs a probe of its own, and the
    entry stays.
    """
    honest = joined.audit.authorize()
    body = json.loads(honest.entry.body)
    for written in ("kind", "time"):
        body.pop(written)
    body |= {"search_id": "s-invented", "by": {**body["by"], "person": "nobody"}}
    index = joined.audit.running.ledger.append(
        lambda _books: Draft(EntryKind.REQUEST_GRANTED, body), joined.world.deadline
    ).index
    invented = joined.audit.service.entry(index, joined.world.deadline)
    assert joined.search(invented).candidates
    joined.audit.take_in()
    assert kinds(joined.audit).count("request.granted") == 2
