"""R-47: an installation is checked before it serves; each thing missing is named with the command
that makes it, and nothing of the check stays.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from onrecord.chassis.certificates import LocalAuthority
from onrecord.cli.services import NAMES
from onrecord.kernel.vocabulary import Service
from onrecord.proof.checkpoint import Checkpoint, sign_checkpoint
from onrecord.proof.notes import NoteSigner
from tests.unit.cli.preflight.conftest import Installed


def everything(root: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in root.rglob("*") if one.is_file()} | {
        str(one): b"" for one in root.rglob("*") if one.is_dir()
    }


@pytest.mark.slow
def test_a_sound_installation_is_fit_and_stays_as_it_was(
    installed: Installed, tmp_path: Path
) -> None:
    """R-47: golden answers, the index, and every store, on a folder: nothing of it stays."""
    for store in ("vault", "ledger"):
        (tmp_path / "data" / store).mkdir(exist_ok=True)
    before = everything(tmp_path)
    told = installed.preflight()
    assert told.of("missing") == []
    assert told.fit
    assert {process for process, *_ in told.of("ok")} == set(NAMES)
    said = [says for _, _, says, _ in told.of("ok")]
    assert any("written, read, listed, deleted" in one for one in said)
    assert any("vectors inserted, found, one deleted, all dropped" in one for one in said)
    assert sum("golden answer" in one for one in said) == 2
    assert everything(tmp_path) == before


def test_a_line_is_a_check_and_a_command_stands_under_what_is_missing(installed: Installed) -> None:
    installed.named("audit", "token_keys").unlink()
    done = installed.run("audit")
    assert done.exit_code == 1
    lines = done.output.splitlines()
    (at,) = (n for n, line in enumerate(lines) if line.startswith("missing"))
    assert lines[at].split()[1:4] == ["audit", "identity", "provider:"]
    assert lines[at + 1].split()[0] == "curl"
    others = [line for n, line in enumerate(lines) if n not in (at, at + 1)]
    assert all(line.startswith("ok ") for line in others)


@pytest.mark.parametrize("name", ["certificate", "certificate_key", "roots"])
def test_a_certificate_that_is_missing(installed: Installed, name: str) -> None:
    path = installed.named("audit", name)
    path.unlink()
    _, subject, says, command = installed.preflight("audit").only_missing()
    assert subject == "certificates"
    assert str(path) in says
    assert command == f"onrecord certificates --out {path.parent}"


def test_another_services_certificate(installed: Installed) -> None:
    installed.set("audit", {"certificate": str(installed.named("gateway", "certificate"))})
    _, subject, _, _ = installed.preflight("audit").only_missing()
    assert subject == "certificates"


@pytest.mark.parametrize(
    ("age", "days", "says"),
    [(100, "1", "ended"), (88, "5", "ends in"), (88, "1", None), (-2, "1", "not valid before")],
)
def test_how_long_a_certificate_lasts(
    installed: Installed, tmp_path: Path, age: int, days: str, says: str | None
) -> None:
    """They last 90 days; made `age` days ago."""
    folder = tmp_path / "aged"
    made = datetime.now(UTC) - timedelta(days=age)
    LocalAuthority.open(folder, lambda: made).issue(Service.AUDIT)
    names = {"certificate": "audit.pem", "certificate_key": "audit.key.pem", "roots": "root.pem"}
    installed.set("audit", {name: str(folder / file) for name, file in names.items()})
    told = installed.preflight("audit", "--certificate-days", days)
    if says is None:
        assert told.fit
        assert any("2 days left" in one[2] for one in told.of("ok"))
    else:
        assert says in told.only_missing()[2]


def test_a_ledger_key_that_audit_does_not_sign_with(installed: Installed) -> None:
    """R-47: with the key that it is, to be put there."""
    path = installed.named("detection", "ledger_key")
    right = path.read_text().strip()
    path.write_text(NoteSigner.generate("localhost/onrecord").verifier.text + "\n")
    process, subject, _, command = installed.preflight("audit", "detection").only_missing()
    assert (process, subject) == ("detection", "ledger key")
    assert command == f"echo '{right}' > {path}"


def test_a_ledger_key_of_which_nobody_can_say(installed: Installed) -> None:
    told = installed.preflight("detection")
    assert told.fit
    ((_, subject, says, _),) = told.of("not checked")
    assert subject == "ledger key"
    assert "audit's settings are not here" in says


def test_a_signing_key_that_did_not_sign_what_is_published(
    installed: Installed,
) -> None:
    folder = installed.named("audit", "ledger_objects")
    folder.mkdir(exist_ok=True)
    other = NoteSigner.generate("localhost/onrecord")
    (folder / "checkpoint").write_text(
        sign_checkpoint(Checkpoint("localhost/onrecord", 7, bytes(32)), other)
    )
    _, subject, says, _ = installed.preflight("audit").only_missing()
    assert subject == "ledger key"
    assert "not signed by this key" in says


def test_settings_that_cannot_be_read_are_told_and_the_others_looked_at(
    installed: Installed,
) -> None:
    installed.set("audit", {"colour": "red"})
    told = installed.preflight("audit", "embedding")
    process, subject, says, command = told.only_missing()
    assert (process, subject) == ("audit", "settings")
    assert says.startswith("colour")
    assert command.startswith("onrecord config check audit --config ")
    assert any(one[0] == "embedding" for one in told.of("ok"))


def test_what_goes_wrong_in_one_check_hides_no_other(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a password, for all we know")

    monkeypatch.setattr("onrecord.cli.preflight.identity_provider.open_key_set", broken)
    told = installed.preflight("audit")
    _, subject, says, _ = told.only_missing()
    assert (subject, says) == ("identity provider", "could not be examined: RuntimeError")
    assert {"database", "objects", "bus"} <= {one[1] for one in told.of("ok")}


def test_a_casework_key_that_is_missing(installed: Installed) -> None:
    path = installed.named("gateway", "casework_key")
    path.unlink()
    _, subject, _, command = installed.preflight("gateway").only_missing()
    assert subject == "files"
    assert command == f"head -c 32 /dev/urandom > {path}"


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"keys": []}),
        json.dumps({"keys": [{"kty": "nothing"}]}),
        json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0"}, "no key"]}),
        "not JSON",
    ],
)
def test_a_key_set_without_a_key_that_verifies(installed: Installed, content: str) -> None:
    installed.named("audit", "token_keys").write_text(content)
    _, subject, _, command = installed.preflight("audit").only_missing()
    assert subject == "identity provider"
    assert command.startswith("curl ")


def test_a_provider_that_does_not_answer(installed: Installed) -> None:
    installed.set("audit", {"token_keys": "http://127.0.0.1:9/keys"})
    _, subject, _, command = installed.preflight("audit").only_missing()
    assert subject == "identity provider"
    assert command == "curl --fail http://127.0.0.1:9/keys"


def test_a_store_that_is_a_file(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    installed.set("detection", {"ingest": str(tmp_path / "taken")})
    _, subject, says, _ = installed.preflight("detection").only_missing()
    assert subject == "objects"
    assert says.startswith("ingest: ")


def test_replicas_are_looked_at_once_but_for_what_is_each_ones_own(installed: Installed) -> None:
    config = installed.process("audit").config
    config.with_name("audit-2.toml").write_text(config.read_text())
    told = installed.preflight("audit")
    subjects = [one["subject"] for one in told.checks if one["process"] == "audit-2"]
    assert subjects == ["files", "certificates", "the rest"]


def test_a_folder_without_settings_of_a_service_is_refused(
    installed: Installed,
) -> None:
    installed.process("audit").config.unlink()
    done = installed.run("audit")
    assert done.exit_code == 2
    assert "no settings of audit" in done.output
