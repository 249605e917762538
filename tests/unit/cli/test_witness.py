"""`onrecord witness`: a key, a process that cosigns, and what it remembers."""

import http.client
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onrecord.cli.main import cli
from onrecord.proof.checkpoint import open_checkpoint
from onrecord.proof.notes import NoteSigner, NoteVerifier
from tests.builders.ledger import MemoryLedger
from tests.builders.witnessing import forked, grown, submission

LOG = grown(MemoryLedger(), 5)


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["witness", *map(str, arguments)])


def _made(folder: Path) -> NoteVerifier:
    made = _run("key", "witness.example/w1", "--out", folder / "key")
    assert made.exit_code == 0, made.output
    return NoteVerifier.parse(made.output.strip())


@contextmanager
def _serving(folder: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "onrecord", "witness", "serve", "--address", "127.0.0.1:0"]
    command += ["--key", str(folder / "key"), "--database", str(folder / "witness.db")]
    process = subprocess.Popen([*command, "--log", LOG.key.text], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            at = re.search(r"at http://127\.0\.0\.1:([0-9]+)", line)
            if at is not None:
                yield int(at[1])
                break
        else:
            raise AssertionError("it did not start")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        process.stderr.close()


def _submit(port: int, body: bytes) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/add-checkpoint", body)
    answer = connection.getresponse()
    said = answer.read().decode()
    connection.close()
    return answer.status, said


def test_a_witness_from_its_key_to_its_evidence(tmp_path: Path) -> None:
    """R-24: it cosigns, ends on SIGTERM, and knows after a restart what it has cosigned."""
    verifier = _made(tmp_path)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    with _serving(tmp_path) as port:
        status, line = _submit(port, submission(LOG, 0).encode())
        assert status == 200
        opened = open_checkpoint(LOG.checkpoint() + line, LOG.key, [verifier])
        assert opened.witnessed_by == (verifier.name,)
    with _serving(tmp_path) as port:
        assert _submit(port, submission(LOG, 0).encode()) == (409, "5\n")
        fork = grown(forked(LOG, 4), 1, "two")
        assert _submit(port, submission(fork, 5).encode())[0] == 422
    shown = _run("show", "--database", tmp_path / "witness.db").output
    assert f"{LOG.key.name}  5 entries" in shown
    assert f"REFUSED  {LOG.key.name}" in shown
    assert fork.checkpoint() in shown


def test_a_key_is_not_overwritten(tmp_path: Path) -> None:
    before = _made(tmp_path)
    again = _run("key", "witness.example/w1", "--out", tmp_path / "key")
    assert again.exit_code == 2
    assert NoteSigner.parse((tmp_path / "key").read_text().strip()).verifier == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["key", "two words", "--out", "{folder}/k"], "no space"),
        (["key", "w", "--out", "{folder}/none/k"], "cannot be written"),
        (["serve", "--key", "{folder}/log", "--log", "{log}"], "a log's key, not a witness's"),
        (["serve", "--key", "{folder}/empty", "--log", "{log}"], "no key of a witness"),
        (["serve", "--key", "{folder}/key", "--log", "x"], "--log"),
        (["serve", "--key", "{folder}/key"], "Missing option '--log'"),
        (["serve", "--key", "{folder}/key", "--log", "{log}", "--address", "x"], "not host:port"),
        (["serve", "--key", "{folder}/key", "--log", "{log}", "--address", "x:70000"], "host:port"),
        (["show", "--database", "{folder}/none.db"], "there is no"),
    ],
)
def test_what_cannot_be_understood_is_said(tmp_path: Path, arguments: list[str], said: str) -> None:
    _made(tmp_path)
    (tmp_path / "log").write_text(LOG.signer.text)
    (tmp_path / "empty").write_text("")
    given = [one.format(folder=tmp_path, log=LOG.key.text) for one in arguments]
    result = _run(*given)
    assert result.exit_code == 2
    assert said in result.output
    assert "PRIVATE" not in result.output
