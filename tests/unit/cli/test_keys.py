"""`onrecord keys`: the two keys of an installation that are minted once."""

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onrecord.chassis.sealing import SymmetricSeal
from onrecord.cli.keys import keys
from onrecord.proof.note_keys import NoteSigner, NoteVerifier

ORIGIN = "search.example.gov/onrecord"


def ask(out: Path, origin: str = ORIGIN) -> Result:
    return CliRunner().invoke(keys, ["--out", str(out), "--origin", origin])


def test_what_it_mints_is_what_services_read_and_a_second_call_keeps_it(tmp_path: Path) -> None:
    """R-20: a ledger goes on under one key; running the command again must not end it."""
    out = tmp_path / "keys"
    done = ask(out)
    assert done.exit_code == 0, done.output
    kept = {path.name: path.read_bytes() for path in out.iterdir()}
    signer = NoteSigner.parse(kept["ledger.key"].decode().strip())
    assert signer.name == ORIGIN
    assert NoteVerifier.parse(kept["ledger.vkey"].decode().strip()) == signer.verifier
    assert signer.verifier.text in done.output
    assert signer.text not in done.output
    seal = SymmetricSeal(kept["casework.key"])
    assert seal is not None
    for path in out.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ask(out).exit_code == 0
    assert kept == {path.name: path.read_bytes() for path in out.iterdir()}


def test_another_ledgers_key_is_not_taken_for_this_ones(tmp_path: Path) -> None:
    """R-20: the origin in every checkpoint is the name that people know the ledger by."""
    assert ask(tmp_path).exit_code == 0
    done = ask(tmp_path, "other.example.gov/onrecord")
    assert done.exit_code == 2
    assert "is the key of search.example.gov/onrecord" in done.output


@pytest.mark.parametrize("origin", ["", "two words", "a+b"])
def test_a_name_that_no_key_can_have_is_refused_and_nothing_is_made(
    tmp_path: Path, origin: str
) -> None:
    done = ask(tmp_path, origin)
    assert done.exit_code == 2
    assert "--origin" in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_none_is_named_and_kept(tmp_path: Path) -> None:
    (tmp_path / "ledger.key").write_text("something else")
    done = ask(tmp_path)
    assert done.exit_code == 2
    assert "ledger.key" in done.output
    assert (tmp_path / "ledger.key").read_text() == "something else"
