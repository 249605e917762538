"""`onrecord dlq` from a dead letter to a closed chunk: the CLI, the gateway, the plane, the bus."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from onrecord.chassis.objects import LocalObjects
from onrecord.cli.dlq import dlq
from onrecord.cli.gallery import gallery
from onrecord.client import Manifest, OnRecordClient
from onrecord.contracts.enrolment import vault_object_key
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import ManifestAct, Role
from onrecord.proof.manifests import ManifestHeader, Row, chunk_root, sign_manifest
from tests.builders.plane import UTAH, VERMONT
from tests.builders.real_parts import Installation, installed

STOPPED = 2
"""The person whose crop is not embedded."""


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """With a command line that reaches it."""
    with installed(tmp_path) as made:
        made.open_gallery(UTAH, ())

        def client(url: str, token: Any) -> OnRecordClient:
            assert url == "http://testserver"
            return OnRecordClient(url, token, made.http)

        monkeypatch.setattr("onrecord.cli.gallery.run.OnRecordClient", client)
        yield made


def until(reached: Callable[[], bool]) -> None:
    deadline, waited = Deadline.after(60), threading.Event()
    while not reached():
        deadline.check()
        waited.wait(0.05)


def stop_one(person: int) -> None:
    if person == STOPPED:
        raise OnRecordError(ErrorCode.EVENT_MALFORMED, "nobody can work on this one")


def portrait(number: int) -> bytes:
    return b"\xff\xd8\xffportrait of %d" % number


class Line:
    """A list of three portraits, brought; one of them stops on its way."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self.installation = installation
        self.folder = folder
        installation.embedding.fails = stop_one
        rows = [
            Row(f"UT-{n}", hashlib.sha256(portrait(n)).hexdigest(), f"{n}.jpg") for n in (1, 2, 3)
        ]
        header = ManifestHeader(
            UTAH, ManifestAct.ENROL, datetime.now(UTC), len(rows), len(rows), (chunk_root(rows),)
        )
        self.client = installation.client(installation.audit.custodian(UTAH))
        signer = installation.audit.state_keys[UTAH]
        opened = self.client.open_manifest(UTAH, header.encode(), sign_manifest(header, signer))
        self.manifest_id = opened.manifest_id
        lines = [(row.record_id, row.image_sha256, row.path) for row in rows]
        self.client.put_chunk(UTAH, self.manifest_id, 0, lines)
        portraits = {number: portrait(number) for number in (1, 2, 3)}
        self.client.bring_portraits(UTAH, self.manifest_id, 0, portraits, {})

    def state(self) -> Manifest:
        return self.client.manifest(UTAH, self.manifest_id)

    def run(self, command: Any, *words: str, token: str) -> Result:
        access = ["--url", "http://testserver", "--token", token]
        return CliRunner().invoke(command, [*words, *access])

    def dlq(self, *words: str, token: str) -> Result:
        return self.run(dlq, *words, token=token)

    def live(self) -> int:
        (one,) = [held for held in self.client.galleries() if held.gallery == UTAH]
        return one.live_records

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """The ledger's, read."""
        audit = self.installation.audit
        auditor = self.installation.client(audit.token("ada", Role.AUDITOR))
        bodies = [json.loads(one.body) for one in auditor.bodies()]
        return [one for one in bodies if one["kind"] == kind]

    def closed(self) -> list[dict[str, Any]]:
        """The entries of this list's chunks."""
        changes = self.entries("gallery.enrolled")
        return [one for one in changes if one["change"]["manifest"] == self.manifest_id]


@pytest.fixture
def line(installation: Installation, tmp_path: Path) -> Line:
    """Two are live; the third is a dead letter and holds its chunk open."""
    made = Line(installation, tmp_path)
    operator = installation.audit.operator()
    until(lambda: "event_malformed" in made.dlq("list", token=operator).output)
    until(lambda: made.state().counts == {"accepted": 2, "processing": 1})
    assert not made.state().complete
    return made


def asker(line: Line, role: str) -> str:
    audit = line.installation.audit
    return audit.operator() if role == "operator" else audit.custodian(UTAH)


@pytest.mark.parametrize(
    ("role", "words"),
    [("operator", ["1"]), ("custodian", ["1"]), ("custodian", ["--gallery", UTAH])],
)
def test_a_dead_letter_is_redriven_until_its_record_is_live(
    line: Line, role: str, words: list[str]
) -> None:
    """R-46: from the vault, under the same generation; its chunk closes and is one entry."""
    token = asker(line, role)
    told = line.dlq("explain", "1", token=token).output
    assert "a face that was found" in told
    assert "opens the portrait in its vault" in told
    line.installation.embedding.fails = abs
    sent = line.dlq("redrive", *words, token=token)
    assert sent.exit_code == 0, sent.output
    assert "on its way again" in sent.output
    until(lambda: line.state().complete)
    assert line.state().counts == {"accepted": 3}
    assert line.live() == 3
    until(lambda: len(line.closed()) == 1)
    (entry,) = line.closed()
    assert (entry["change"]["rows"], entry["change"]["accepted"]) == (3, 3)
    assert "sent on" in line.dlq("list", token=token).output
    again = line.dlq("redrive", "1", token=token)
    assert again.exit_code == 0, again.output
    assert line.live() == 3


def test_what_still_fails_is_a_dead_letter_again(line: Line) -> None:
    token = asker(line, "operator")
    line.dlq("redrive", "1", token=token)
    until(lambda: len(line.dlq("list", token=token).output.splitlines()) == 2)
    assert line.state().counts == {"accepted": 2, "processing": 1}


def test_nobody_else_sends_one_on(line: Line) -> None:
    """Law 10: not another state's custodian, nor whoever searches; asked of the plane as well."""
    audit = line.installation.audit
    vermont, requester = audit.custodian(VERMONT), audit.token("olsen", Role.REQUESTER)
    for token, code in ((vermont, "not_found"), (requester, "role_missing")):
        refused = line.dlq("redrive", "1", token=token)
        assert (refused.exit_code, code in refused.output) == (1, True), refused.output
    refused = line.dlq("redrive", "--gallery", UTAH, token=vermont)
    assert "caller_not_allowed" in refused.output
    assert line.state().counts == {"accepted": 2, "processing": 1}


@pytest.mark.parametrize("role", ["operator", "custodian"])
def test_whoever_looks_after_a_gallery_verifies_it(line: Line, role: str) -> None:
    """R-48."""
    done = line.run(gallery, "verify", UTAH, token=asker(line, role))
    assert done.exit_code == 0, done.output
    assert "They agree" in done.output


def test_portraits_of_no_known_enrolment_are_destroyed_on_the_record(line: Line) -> None:
    """R-48, law 9: told by `verify`, gone when the custodian says so, an entry under their name."""
    vault = LocalObjects(line.folder / "vault")
    strays = [vault_object_key(UTAH, f"{number:032x}") for number in (7, 8)]
    for key in strays:
        vault.put(key, b"enrolled after the backup")
    token = asker(line, "custodian")
    told = line.run(gallery, "verify", UTAH, token=token)
    assert (told.exit_code, "--remove-unknown 2" in told.output) == (1, True), told.output
    done = line.run(gallery, "verify", UTAH, "--remove-unknown", "2", token=token)
    assert done.exit_code == 0, done.output
    assert not any(vault.exists(key) for key in strays)
    until(lambda: len(line.entries("record.deleted")) == 1)
    (entry,) = line.entries("record.deleted")
    assert (entry["change"]["what"], entry["change"]["rows"]) == ("unknown_portraits", 2)
    assert line.live() == 2
