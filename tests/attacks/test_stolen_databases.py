"""Attacker: reads or writes a service's database, and has none of its keys.

Audit's own database is tried in `tests/unit/audit`; here is what takes two services to find, and
what the thief of the plane's roster or of the gateway's casework gets.
"""

import shutil
from pathlib import Path

from sqlalchemy import delete, insert, select, update

from onrecord.audit.adapters import schema
from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.kernel.errors import ErrorCode
from onrecord.proof.authority import build_bundle, key_name
from onrecord.proof.notes import NoteSigner
from onrecord.vector_search.roster.schema import candidates, records
from tests.attacks.conftest import Refused, kinds
from tests.builders.audit import POLICIES, soon
from tests.builders.gateway import build_office
from tests.builders.joined import Joined, open_joined
from tests.builders.plane import UTAH, portrait, record_name


class TestTheRoster:
    def test_an_honest_search_comes_to_a_lead(self, joined: Joined) -> None:
        """The ground on which the others are tried (law 6)."""
        granted, found = joined.searched(1)
        best = found.candidates[0].candidate_ref
        joined.examine(granted.search_id, found, best, "berg", "cole")
        (lead,) = joined.unseal(joined.release(granted.search_id))
        assert lead.record_id == record_name(1)

    def test_another_name_for_the_face_is_not_released(
        self, joined: Joined, refused: Refused
    ) -> None:
        """The wrong person would be accused: the name must be the one that the key has hashed."""
        granted, found = joined.searched(1)
        joined.examine(granted.search_id, found, found.candidates[0].candidate_ref, "berg", "cole")
        outcome = joined.release(granted.search_id)
        with write_transaction(joined.world.roster) as tx:
            tx.execute(
                update(records)
                .where(records.c.record_id == record_name(1))
                .values(record_id=record_name(2))
            )
        refused(ErrorCode.SEAL_INVALID, lambda: joined.unseal(outcome))

    def test_another_name_with_its_keyed_hash_is_not_released(
        self, joined: Joined, refused: Refused
    ) -> None:
        """A name and its hash, both copied from another row: the vector's key is made of them."""
        granted, found = joined.searched(1)
        joined.examine(granted.search_id, found, found.candidates[0].candidate_ref, "berg", "cole")
        outcome = joined.release(granted.search_id)
        with write_transaction(joined.world.roster) as tx:
            mac = tx.execute(
                select(records.c.record_mac).where(records.c.record_id == record_name(2))
            ).scalar_one()
            tx.execute(update(records).where(records.c.record_mac == mac).values(generation=9))
            tx.execute(
                update(records)
                .where(records.c.record_id == record_name(1))
                .values(record_id=record_name(2), record_mac=mac)
            )
        refused(ErrorCode.SEAL_INVALID, lambda: joined.unseal(outcome))

    def test_a_candidate_pointed_at_another_record(self, joined: Joined, refused: Refused) -> None:
        """The receipt's reference is made of the vector that was found, under the gallery's key.

        It is done after the examiners have looked; before, they are shown no face at all.
        """
        granted, found = joined.searched(1)
        best = found.candidates[0].candidate_ref
        joined.examine(granted.search_id, found, best, "berg", "cole")
        with write_transaction(joined.world.roster) as tx:
            other = tx.execute(
                select(records.c.enrolment_id).where(records.c.record_id == record_name(2))
            ).scalar_one()
            tx.execute(
                update(candidates)
                .where(candidates.c.candidate_ref == best)
                .values(enrolment_id=other)
            )
        outcome = joined.release(granted.search_id)
        refused(ErrorCode.SEAL_INVALID, lambda: joined.unseal(outcome))

    def test_possible_the_reader_learns_who_is_enrolled_and_whom_a_search_found(
        self, joined: Joined
    ) -> None:
        """The attack succeeds for record ids. No portrait opens with what stands there."""
        joined.searched(1)
        with read_transaction(joined.world.roster) as tx:
            named = tx.execute(
                select(records.c.record_id).join(
                    candidates, candidates.c.enrolment_id == records.c.enrolment_id
                )
            ).scalars()
            assert record_name(1) in set(named)
        held = b"".join(one.read_bytes() for one in joined.world.folder.glob("roster.db*"))
        key = joined.world.folder / "keys"
        secrets = [one.read_bytes() for one in key.rglob("*") if one.is_file()]
        assert secrets
        assert not any(secret.strip() in held for secret in secrets)
        assert portrait(1) not in held

    def test_possible_a_restored_roster_brings_a_deleted_record_back(self, folder: Path) -> None:
        """Not stopped (R-48): a backup of roster, index and keys from before a deletion.

        What audit has, and the monitor sees, is a receipt chain that forks at the next search.
        """
        backup = folder.parent / "backup"
        shutil.copytree(folder / "plane", backup)
        before = open_joined(folder)
        before.searched(1)
        before.plane.delete_record(UTAH, record_name(1), before.world.custodian(), soon())
        before.audit.take_in()
        _, found = before.searched(1)
        assert len(found.candidates) == 2
        before.close()

        shutil.rmtree(folder / "plane")
        shutil.copytree(backup, folder / "plane")
        after = open_joined(folder)
        after.audit.keys = 10
        _, found = after.searched(1)
        assert len(found.candidates) == 3, "the record is returned again"
        assert kinds(after.audit)[-1] == "alarm.raised"
        after.close()


class TestAuditsDatabase:
    def test_a_pinned_key_and_a_law_put_in_place_open_nothing(
        self, joined: Joined, refused: Refused
    ) -> None:
        """Law 5, and law 2: audit grants by the thief's law; the plane has pinned the state's key.

        The grant is an entry, so it stays, and names the digest of a law nobody ever signed for.
        """
        thief = NoteSigner.generate(key_name(UTAH))
        folder = POLICIES / UTAH
        bundle = build_bundle(
            (folder / "policy.cedar").read_bytes(),
            (folder / "authority.yaml").read_bytes(),
            jurisdiction=UTAH,
            version=2,
            previous="",
            signer=thief,
        )
        with write_transaction(joined.audit.running.engine) as tx:
            tx.execute(
                insert(schema.authority_keys).values(
                    jurisdiction=UTAH, key=thief.verifier.text, entry=0
                )
            )
            tx.execute(
                insert(schema.bundles).values(
                    digest=bundle.digest,
                    jurisdiction=UTAH,
                    version=2,
                    entry=0,
                    policy=bundle.policy,
                    authority=bundle.authority,
                    manifest=bundle.manifest,
                    signature=bundle.signature,
                )
            )
            tx.execute(update(schema.head).values(policy_epoch=schema.head.c.policy_epoch + 1))
        joined.audit = joined.audit.reopen()
        joined.audit.keys = 100
        again = joined.audit.authorize()
        assert again.granted
        assert again.galleries[0].policy == bundle.digest
        refused(ErrorCode.GRANT_POLICY_UNSIGNED, lambda: joined.search(again.entry))

    def test_not_stopped_quotas_set_back(self, joined: Joined) -> None:
        """The attack succeeds: counters are not entries. Everything asked for is one, though."""
        table = schema.counters
        joined.audit.authorize()
        with write_transaction(joined.audit.running.engine) as tx:
            before = tx.execute(select(table)).all()
            assert before
            tx.execute(delete(table))
        joined.audit.authorize()
        with read_transaction(joined.audit.running.engine) as tx:
            assert len(tx.execute(select(table)).all()) <= len(before)
        assert kinds(joined.audit).count("request.granted") == 2


class TestCasework:
    def test_what_the_gateway_keeps_names_nobody(self, tmp_path: Path) -> None:
        """Law 6, R-29, R-31: no record id and no readable face in the thief's copy."""
        office = build_office(tmp_path)
        office.join("berg", "cole")
        office.search(probe=b"the face that is searched for")
        held = b"".join(one.read_bytes() for one in tmp_path.glob("casework.db*"))
        assert b"sealed" in held
        for secret in (b"the face that is searched for", b"US-UT-0", b"portrait of"):
            assert secret not in held
