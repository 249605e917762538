"""The object store and the database under every service."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from onrecord.chassis.certificates import LocalAuthority
from onrecord.chassis.database import (
    forget,
    open_database,
    read_transaction,
    write_transaction,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.proof.attestation import Attestation, AttestationVerifier, Attestor


def test_writers_take_turns_and_lose_nothing(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    with write_transaction(engine) as connection:
        connection.execute(text("CREATE TABLE n (v INTEGER)"))
        connection.execute(text("INSERT INTO n VALUES (0)"))

    def add() -> None:
        for _ in range(20):
            with write_transaction(engine) as connection:
                seen = connection.execute(text("SELECT v FROM n")).scalar_one()
                connection.execute(text("UPDATE n SET v = :v"), {"v": seen + 1})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with read_transaction(engine) as connection:
        assert connection.execute(text("SELECT v FROM n")).scalar_one() == 80


def test_a_destroyed_key_stands_nowhere_in_the_files(tmp_path: Path) -> None:
    """R-29, R-30: not in a free page, and not in the write-ahead log either."""
    engine, key = open_database(f"sqlite:///{tmp_path / 'x.db'}"), b"a wrapped key of some bytes"

    def stands_in() -> list[str]:
        return [path.name for path in tmp_path.iterdir() if key in path.read_bytes()]

    with write_transaction(engine) as tx:
        tx.execute(text("CREATE TABLE held (id INTEGER PRIMARY KEY, key BLOB)"))
        tx.execute(text("INSERT INTO held VALUES (1, :key)"), {"key": key})
    assert stands_in()
    with write_transaction(engine) as tx:
        tx.execute(text("UPDATE held SET key = NULL"))
    forget(engine)
    forget(engine)
    assert stands_in() == []
    engine.dispose()


def test_an_error_does_not_quote_what_was_written(tmp_path: Path) -> None:
    """R-43: errors end in logs; a name or a record id may not."""
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    with write_transaction(engine) as tx:
        tx.execute(text("CREATE TABLE people (name TEXT PRIMARY KEY)"))
    with pytest.raises(IntegrityError) as caught, write_transaction(engine) as tx:
        for _ in range(2):
            tx.execute(text("INSERT INTO people VALUES (:name)"), {"name": "Olsen, K."})
    assert "Olsen" not in str(caught.value)
    engine.dispose()


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    with write_transaction(engine) as connection:
        connection.execute(text("CREATE TABLE n (v INTEGER)"))
    with pytest.raises(RuntimeError), write_transaction(engine) as connection:
        connection.execute(text("INSERT INTO n VALUES (1)"))
        raise RuntimeError("in the middle")
    with read_transaction(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM n")).scalar_one() == 0


def _statement(time: str = "2026-11-23T06:30:00.00Z") -> dict[str, object]:
    return {"type": "t/v1", "time": time, "n": 1}


class TestAttestations:
    """Law 2: what a service hands on is signed by its own certificate."""

    now = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)

    def authority(self, folder: Path) -> LocalAuthority:
        return LocalAuthority.open(folder, now=lambda: self.now)

    def attest(self, authority: LocalAuthority, service: Service) -> Attestation:
        identity = authority.issue(service)
        return Attestor(identity.key, identity.chain).attest(_statement())

    def test_a_statement_verifies_under_its_root_and_survives_json(self, tmp_path: Path) -> None:
        authority = self.authority(tmp_path)
        made = self.attest(authority, Service.DETECTION)
        verifier = AttestationVerifier([self.authority(tmp_path).root])
        again = Attestation.from_json(made.to_json())
        assert verifier.verify(again, Service.DETECTION, "t/v1")["n"] == 1

    @pytest.mark.parametrize(
        "spoil", ["statement", "signature", "service", "kind", "root", "no_root", "expired"]
    )
    def test_anything_else_is_refused(self, tmp_path: Path, spoil: str) -> None:
        authority = self.authority(tmp_path / "a")
        made = self.attest(authority, Service.DETECTION)
        roots = [authority.root]
        service, kind = Service.DETECTION, "t/v1"
        if spoil == "statement":
            made = Attestation(
                made.statement.replace(b'"n":1', b'"n":2'), made.signature, made.chain
            )
        elif spoil == "signature":
            made = Attestation(made.statement, made.signature[:-1] + b"\x00", made.chain)
        elif spoil == "service":
            service = Service.EMBEDDING
        elif spoil == "kind":
            kind = "u/v1"
        elif spoil == "root":
            roots = [self.authority(tmp_path / "b").root]
        elif spoil == "no_root":
            made = Attestation(made.statement, made.signature, ())
        elif spoil == "expired":
            identity = authority.issue(Service.DETECTION)
            late = Attestor(identity.key, identity.chain)
            made = late.attest(_statement("2027-11-23T06:30:00.00Z"))
        with pytest.raises(OnRecordError) as refused:
            AttestationVerifier(roots).verify(made, service, kind)
        assert refused.value.code is ErrorCode.ATTESTATION_INVALID

    def test_an_identity_is_kept_and_renewed_before_it_ends(self, tmp_path: Path) -> None:
        first = self.authority(tmp_path).issue(Service.AUDIT)
        assert self.authority(tmp_path).issue(Service.AUDIT).chain == first.chain
        later = self.now + timedelta(days=61)
        renewed = LocalAuthority.open(tmp_path, now=lambda: later).issue(Service.AUDIT)
        assert renewed.chain[0] != first.chain[0]
        assert renewed.chain[-1] == first.chain[-1]


def test_a_writer_that_fails_gives_its_turn_away(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    with write_transaction(engine) as connection:
        connection.execute(text("CREATE TABLE n (v INTEGER PRIMARY KEY)"))
    with pytest.raises(IntegrityError), write_transaction(engine) as connection:
        connection.execute(text("INSERT INTO n VALUES (1)"))
        connection.execute(text("INSERT INTO n VALUES (1)"))
    with write_transaction(engine) as connection:
        connection.execute(text("INSERT INTO n VALUES (1)"))
    with read_transaction(engine) as connection:
        assert connection.execute(text("SELECT v FROM n")).scalars().all() == [1]
    engine.dispose()


def test_a_reader_sees_one_snapshot_beside_a_writer(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    with write_transaction(engine) as connection:
        connection.execute(text("CREATE TABLE n (v INTEGER)"))
    with read_transaction(engine) as reader:
        assert reader.execute(text("SELECT count(*) FROM n")).scalar_one() == 0
        with write_transaction(engine) as connection:
            connection.execute(text("INSERT INTO n VALUES (1)"))
        assert reader.execute(text("SELECT count(*) FROM n")).scalar_one() == 0
    with read_transaction(engine) as reader:
        assert reader.execute(text("SELECT count(*) FROM n")).scalar_one() == 1
    engine.dispose()
