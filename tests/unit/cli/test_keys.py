"""`onrecord keys`: the two keys of an installation that are minted once."""

import base64
import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onrecord.chassis.sealing import SymmetricSeal
from onrecord.cli.keys import keys
from onrecord.cli.kubernetes_secrets import full_name
from onrecord.proof.note_keys import NoteSigner, NoteVerifier

ORIGIN = "search.example.gov/onrecord"


def ask(out: Path, origin: str = ORIGIN, *more: str) -> Result:
    return CliRunner().invoke(keys, ["--out", str(out), "--origin", origin, *more])


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


def test_the_secrets_of_a_release_are_one_file_for_its_owner(tmp_path: Path) -> None:
    """R-44: secrets go to Kubernetes by reference; what is minted is what the release mounts."""
    given = tmp_path / "secrets"
    given.write_text("# ours\n\ndatabase-gateway.url=postgresql+psycopg://a:b=c@db/casework\n")
    out = tmp_path / "keys"
    how = ("--kubernetes", "onrecord", "--plane", "utah", "--plane", "others")
    done = ask(out, ORIGIN, *how, "--secrets", str(given))
    assert done.exit_code == 0, done.output
    path = out / "kubernetes.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    items = {one["metadata"]["name"]: one for one in json.loads(path.read_bytes())["items"]}
    assert set(items) == {
        "onrecord-ledger-signing-key",
        "onrecord-ledger-verifier-key",
        "onrecord-casework-key",
        "onrecord-gateway-tls",
        "onrecord-detection-tls",
        "onrecord-embedding-tls",
        "onrecord-audit-tls",
        "onrecord-vector-search-utah-tls",
        "onrecord-vector-search-others-tls",
        "onrecord-database-gateway",
    }

    def data(name: str, key: str) -> bytes:
        return base64.b64decode(items[name]["data"][key])

    assert data("onrecord-ledger-signing-key", "ledger.key") == (out / "ledger.key").read_bytes()
    assert data("onrecord-casework-key", "casework.key") == (out / "casework.key").read_bytes()
    assert data("onrecord-database-gateway", "url") == b"postgresql+psycopg://a:b=c@db/casework"
    verifier = items["onrecord-ledger-verifier-key"]
    assert (verifier["kind"], verifier["data"]) == (
        "ConfigMap",
        {"ledger.vkey": (out / "ledger.vkey").read_text()},
    )
    planes = [data(f"onrecord-vector-search-{one}-tls", "tls.key") for one in ("utah", "others")]
    assert planes[0] != planes[1]
    assert items["onrecord-gateway-tls"]["type"] == "kubernetes.io/tls"
    assert ask(out, ORIGIN, *how, "--secrets", str(given)).exit_code == 0
    again = {one["metadata"]["name"]: one for one in json.loads(path.read_bytes())["items"]}
    assert again == items


def test_a_line_that_is_no_secret_is_told_by_its_number_and_not_quoted(tmp_path: Path) -> None:
    given = tmp_path / "secrets"
    given.write_text("objects.access-key=a\nhunter2\n")
    done = ask(tmp_path / "keys", ORIGIN, "--kubernetes", "onrecord", "--secrets", str(given))
    assert done.exit_code == 2
    assert "line 2" in done.output
    assert "hunter2" not in done.output
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    ("release", "name"), [("onrecord", "onrecord"), ("west", "west-onrecord"), ("a" * 60, "a" * 40)]
)
def test_names_are_those_of_the_chart(release: str, name: str) -> None:
    assert full_name(release) == name
