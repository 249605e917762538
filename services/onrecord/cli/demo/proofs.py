"""What is left when the system is switched off: the ledger, and two attacks on it."""

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from onrecord.chassis.certificates import LocalAuthority
from onrecord.cli.demo import cast
from onrecord.cli.demo.house import House
from onrecord.cli.demo.ledger_story import told
from onrecord.cli.demo.stage import Scene
from onrecord.cli.demo.teller import Teller
from onrecord.client.results import Body, Search
from onrecord.contracts.images import Template
from onrecord.contracts.vector_search import GallerySearch
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.proof import canonical
from onrecord.proof.attestation import Attestor
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.tiles import TileObject
from onrecord.standalone.folder import PUBLIC_LEDGER_KEY, DataFolder


def read_bodies(scene: Scene) -> list[Body]:
    """Every body, as an auditor may have them."""
    with scene.client(cast.AUDITOR) as auditor:
        return list(auditor.bodies())


def export_ledger(bodies: Sequence[Body], house: House, out: Path) -> Path:
    """The public ledger and the bodies, in `out/ledger`; the public keys beside it."""
    target = out / "ledger"
    later = house.public_ledger(len(bodies), target)
    lines = [
        canonical.encode(
            {
                "index": one.index,
                "nonce": base64.b64encode(one.nonce).decode(),
                "body": base64.b64encode(one.body).decode(),
            }
        )
        for one in (*bodies, *later)
    ]
    (target / "bodies.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    # Public, so not with the rights of the secrets beside which they are kept.
    shutil.copyfile(house.keys.keys / PUBLIC_LEDGER_KEY, out / "ledger.vkey")
    shutil.copyfile(house.keys.certificates / "root.pem", out / "services.pem")
    return target


def verify(ledger: Path, out: Path, teller: Teller) -> int:
    """Run `onrecord ledger verify` as anyone would, and quote it."""
    command = ["ledger", "verify", str(ledger), "--key", str(out / "ledger.vkey")]
    command += ["--services", str(out / "services.pem")]
    click.secho(f"   $ .venv/bin/onrecord {' '.join(command)}", bold=True)
    done = _onrecord(command)
    teller.quote(done.stdout + done.stderr)
    return done.returncode


def show(ledger: Path, teller: Teller) -> None:
    """The story as the ledger tells it."""
    for numbers, kind, says in told(ledger / "bodies.jsonl"):
        teller.quote(f"{numbers:>10}  {kind:<20} {says}")


def one_changed_byte(ledger: Path, out: Path, teller: Teller) -> bool:
    """Change one bit of one byte in a copy, and verify it. True where that was found."""
    copy = out / "tampered-ledger"
    shutil.copytree(ledger, copy)
    bundle = copy / _newest_bundle(copy).path
    content = bytearray(bundle.read_bytes())
    content[len(content) // 2] ^= 1
    bundle.write_bytes(bytes(content))
    teller.say(
        f"Someone with every right on the disk changes one bit of byte {len(content) // 2} in "
        f"{bundle.relative_to(out)}:"
    )
    return verify(copy, out, teller) == 1


def _newest_bundle(ledger: Path) -> TileObject:
    """The last bundle of entries. Beside it may lie narrower ones that it has replaced."""
    files = (path for path in (ledger / "tile" / "entries").rglob("*") if path.is_file())
    bundles = (TileObject.parse(path.relative_to(ledger).as_posix()) for path in files)
    return max(bundles, key=lambda one: (one.index, one.width))


def forged_grant(house: House, search: Search, teller: Teller) -> bool:
    """Search Vermont with a grant that was never logged, as someone with root might. True where the
    plane refused.
    """
    real = LoggedEntry.from_json(dict(search.receipt.document))
    body = json.loads(real.body)
    body["galleries"]["US-VT"] = body["galleries"]["US-UT"]
    forged = replace(real, body=canonical.encode(body))
    teller.say(
        f"Someone with root skips the gateway and {house.intrusion}. The "
        "grant is Detective Reyes's real one, with a single change: Vermont granted as well."
    )
    with ExitStack() as stack:
        with teller.progress("opening the galleries as root might") as tell:
            tell(0, 1)
            plane = stack.enter_context(house.broken_into("US-VT"))
        deadline = Deadline.after(60)
        info = next(one for one in plane.galleries(deadline) if one.jurisdiction == "US-VT")
        try:
            plane.search(
                GallerySearch("US-VT", forged, _template(house.keys, info.model_id)), deadline
            )
        except OnRecordError as refused:
            teller.fact("refused", f"{refused.message} [{refused.code.value}]", "red")
            return True
    return False


def _template(keys: DataFolder, model_id: str) -> Template:
    """A made-up face, signed with the real keys of detection and embedding: root has those too."""
    authority = LocalAuthority.open(keys.certificates)
    identity = authority.issue(Service.EMBEDDING)
    said = Attestor(identity.key, identity.chain).attest({"type": "made-up", "time": "never"})
    vector = np.zeros(128, np.float32)
    vector[0] = 1.0
    return Template(model_id, vector, said, said)


def write_documents(out: Path, search: Search, lead: dict[str, object] | None) -> None:
    """The receipt and the lead, as JSON a person can read."""
    (out / "receipt.json").write_text(
        json.dumps(dict(search.receipt.document), indent=2) + "\n", "utf-8"
    )
    if lead is not None:
        (out / "lead.json").write_text(json.dumps(lead, indent=2) + "\n", "utf-8")


def _onrecord(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "onrecord", *arguments], capture_output=True, text=True, check=False
    )
