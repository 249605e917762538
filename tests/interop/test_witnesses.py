"""R-20, R-24: our client and Torchwood's litewitness; Tessera's client and our witness.

`litewitness` v0.7.0 and Tessera's `posix-oneshot` v1.0.4 are run as they are. What `witnessctl`
would write into litewitness's database is written here: that command cannot be built from the
module proxy alone.
"""

import hashlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from onrecord.audit.core.witnessing import WitnessAddress, Witnessing
from onrecord.kernel.errors import ErrorCode
from onrecord.proof.checkpoint import open_checkpoint
from onrecord.proof.notes import NoteSigner, NoteVerifier
from onrecord.proof.tiles import CHECKPOINT_PATH
from tests.builders.witnessing import new_signer
from tests.unit.audit.test_ledger import refused
from tests.unit.audit.test_witnessing import Stage, covered, published, until


@contextmanager
def running(*command: object) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([str(part) for part in command], stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def torchwood(litewitness: Path, log: NoteVerifier) -> Iterator[WitnessAddress]:
    """litewitness, its key in an agent, knowing one log."""
    agent, add = shutil.which("ssh-agent"), shutil.which("ssh-add")
    if agent is None or add is None:
        pytest.skip("litewitness keeps its key in an ssh-agent, and there is none here")
    key, port = new_signer("witness.example/torchwood"), free_port()
    with tempfile.TemporaryDirectory(prefix="onrecord-") as name, ExitStack() as stack:
        folder = Path(name)  # short: a socket's path has 108 bytes at most
        (folder / "key").touch(0o600)
        (folder / "key").write_bytes(
            key.private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        )
        stack.enter_context(running(agent, "-D", "-a", folder / "agent"))
        until((folder / "agent").exists)
        subprocess.run(
            [add, "-q", str(folder / "key")],
            env={"SSH_AUTH_SOCK": str(folder / "agent")},
            check=True,
            timeout=20,
        )
        stack.enter_context(
            running(
                litewitness,
                f"-db={folder / 'witness.db'}",
                f"-name={key.name}",
                f"-key={hashlib.sha256(key.verifier.public_key).hexdigest()}",
                f"-ssh-agent={folder / 'agent'}",
                f"-listen=127.0.0.1:{port}",
            )
        )
        until(lambda: listens(port))
        with closing(sqlite3.connect(folder / "witness.db")) as database, database:
            nothing = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
            database.execute("INSERT INTO log VALUES (?, 0, ?)", (log.name, nothing))
            database.execute("INSERT INTO key VALUES (?, ?)", (log.name, log.text))
        yield WitnessAddress(key.verifier, f"http://127.0.0.1:{port}")


@contextmanager
def ours(folder: Path, log: NoteVerifier) -> Iterator[WitnessAddress]:
    """`onrecord witness serve`, as anybody would run it."""
    key, port = new_signer("witness.example/ours"), free_port()
    (folder / "witness.key").write_text(key.text)
    given = ("--key", folder / "witness.key", "--log", log.text)
    place = ("--database", folder / "witness.db", "--address", f"127.0.0.1:{port}")
    with running(sys.executable, "-m", "onrecord", "witness", "serve", *given, *place):
        until(lambda: listens(port))
        yield WitnessAddress(key.verifier, f"http://127.0.0.1:{port}")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(tmp_path / "audit", stack)


@pytest.fixture(params=["litewitness", "onrecord witness"])
def witness(
    request: pytest.FixtureRequest, stage: Stage, tmp_path: Path
) -> Iterator[WitnessAddress]:
    """Theirs, and ours in the same way."""
    if request.param == "litewitness":
        with torchwood(request.getfixturevalue("litewitness"), stage.key) as address:
            yield address
    else:
        with ours(tmp_path, stage.key) as address:
            yield address


def asking(witness: WitnessAddress) -> Witnessing:
    return Witnessing((witness,), 1, wait_seconds=10.0, first_pause=0.05, longest_pause=0.2)


def append(stage: Stage, witnessing: Witnessing | None, person: str, entries: int) -> int:
    """Open, append so many refused requests, publish, close; the size of the ledger then."""
    audit = stage.open(witnessing)
    for _ in range(entries):
        audit.authorize(person)
        audit.running.ledger.publish()
    size = published(audit).checkpoint.size
    assert witnessing is None or covered(audit) == size
    audit.close()
    return size


def test_our_checkpoints_are_cosigned_as_they_grow(stage: Stage, witness: WitnessAddress) -> None:
    size = append(stage, asking(witness), "olsen", 5)
    # After a restart it is asked for the size that it knows.
    assert append(stage, asking(witness), "olsen", 3) == size + 3
    note = (stage.folder / "public" / CHECKPOINT_PATH).read_text()
    assert open_checkpoint(note, stage.key, [witness.key]).witnessed_by == (witness.key.name,)
    verified = subprocess.run(
        [
            *(sys.executable, "-m", "onrecord", "ledger", "verify", str(stage.folder / "public")),
            *("--key", stage.key.text, "--witness", witness.key.text, "--quorum", "1"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert verified.returncode == 0, verified.stdout
    assert f"witnessed by {witness.key.name}" in verified.stdout
    assert "UNWITNESSED" not in verified.stdout


def test_a_restored_backup_of_everything_is_found(stage: Stage, witness: WitnessAddress) -> None:
    """R-48: 409, with a size that we never had."""
    append(stage, asking(witness), "olsen", 2)
    restore = stage.keep("backup")
    size = append(stage, asking(witness), "olsen", 2)
    restore()
    error = refused(lambda: stage.open(asking(witness)))
    assert error.code is ErrorCode.LEDGER_UNAVAILABLE
    assert f"has cosigned {size} entries" in error.message


def test_a_split_view_is_found(stage: Stage, witness: WitnessAddress) -> None:
    """422, from the size that it has just named: at that size, and beyond it."""
    append(stage, asking(witness), "olsen", 2)
    restore = stage.keep("backup")
    size = append(stage, asking(witness), "olsen", 2)
    restore()
    for entries in (2, 3):
        append(stage, None, "diaz", entries)
        error = refused(lambda: stage.open(asking(witness)))
        assert error.code is ErrorCode.LEDGER_UNAVAILABLE
        assert f"not the first {size}" in error.message


def test_a_stranger_to_the_witness_goes_on_unwitnessed(
    stage: Stage, witness: WitnessAddress, tmp_path: Path
) -> None:
    """404 by the specification, 403 by litewitness: neither says anything about our tree."""
    with ExitStack() as stack:
        other = Stage(tmp_path / "other", stack)
        (other.folder / "ledger.key").write_text(NoteSigner.generate("x.example/y").text)
        shutil.rmtree(other.folder / "public")
        (other.folder / "ledger.db").unlink()
        audit = other.open(asking(witness))
        audit.authorize()
        audit.running.ledger.publish()
        assert published(audit, witness.key).witnessed_by == ()
        assert covered(audit) == 0


def test_tesseras_log_is_cosigned_by_our_witness(oneshot: Path, tmp_path: Path) -> None:
    """A client that we did not write, its consistency proofs and all; it fails without us."""
    log = NoteSigner.generate("log.example/tessera")
    (tmp_path / "log.key").write_text(log.text)
    (tmp_path / "entries").mkdir()

    def add(number: int, url: str, witness: NoteVerifier) -> subprocess.CompletedProcess[str]:
        (tmp_path / "entries" / f"{number}").write_text(f"entry {number}")
        policy = tmp_path / "policy"
        policy.write_text(f"witness w {witness.text} {url}\nquorum w\n")
        return subprocess.run(
            [
                str(oneshot),
                f"--storage_dir={tmp_path / 'log'}",
                f"--private_key={tmp_path / 'log.key'}",
                f"--entries={tmp_path / 'entries' / str(number)}",
                f"--witness_policy_file={policy}",
                "--witness_timeout=5s",
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    with ours(tmp_path, log.verifier) as witness:
        for number in range(4):
            done = add(number, witness.url, witness.key)
            assert done.returncode == 0, done.stderr
            note = (tmp_path / "log" / CHECKPOINT_PATH).read_text()
            opened = open_checkpoint(note, log.verifier, [witness.key])
            assert opened.checkpoint.size == number + 1
            assert opened.witnessed_by == (witness.key.name,)
