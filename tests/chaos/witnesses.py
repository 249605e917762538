"""Witnesses of the ledger, `onrecord witness`, to which things happen as to everybody else."""

import socket
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from deploy.local.part import HOST, Launch, Place, Say
from deploy.local.running import Running, place_for
from onrecord.audit.core.witnessing import WitnessAddress, Witnessing
from onrecord.chassis.certificates import write_secret
from onrecord.proof.cosignatures import Quorum
from onrecord.proof.notes import COSIGNATURE_V1, NoteSigner, NoteVerifier
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.secrets import ledger_signer
from tests.chaos.parts import PartTarget

_COUNT: Final = 2
"""All of them are needed, so that a lead is unwitnessed as soon as one is away."""
_ORIGIN: Final = "localhost/onrecord"
_SERVICES: Final = Path(__file__).resolve().parents[2] / "services"
_CONNECT_SECONDS: Final = 1.0
_BOOK: Final = "witness.db"
_SIZES: Final = "SELECT size FROM logs"
_REFUSED: Final = "SELECT why FROM refused"


@dataclass(frozen=True, slots=True)
class WitnessPart:
    """`Part`: one witness of one ledger."""

    name: str
    signer: NoteSigner = field(repr=False)
    log: NoteVerifier
    version: str = ""
    port_names: tuple[str, ...] = ("http",)

    def install(self, tools: Path, say: Say) -> None:
        """Nothing: it is ours."""

    def launch(self, place: Place) -> Launch:
        key = place.data / "witness.key"
        write_secret(key, self.signer.text.encode())
        own = ["--key", str(key), "--log", self.log.text, "--database", str(place.data / _BOOK)]
        own += ["--address", place.at("http")]
        return Launch(
            (sys.executable, "-m", "onrecord", "witness", "serve", *own),
            cwd=place.data,
            env={"PYTHONPATH": str(_SERVICES)},
        )

    def ready(self, place: Place) -> bool:
        try:
            socket.create_connection((HOST, place.ports["http"]), _CONNECT_SECONDS).close()
        except OSError:
            return False
        return True

    def settle(self, place: Place) -> None:
        """Nothing: it knows its ledger by its key."""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Those that run. None: nobody is asked, and every lead is unwitnessed."""

    running: Sequence[Running] = ()
    witnessing: Witnessing = field(default_factory=Witnessing)

    @property
    def targets(self) -> list[PartTarget]:
        return [PartTarget(one) for one in self.running]

    @property
    def names(self) -> Mapping[str, str]:
        """By address."""
        return {one.place.at("http"): one.part.name for one in self.running}

    @property
    def quorum(self) -> Quorum:
        return self.witnessing.quorum

    def cosigned(self) -> list[int]:
        """How many entries each has cosigned by now, whether it runs or not."""
        return [max((row[0] for row in _written(one, _SIZES)), default=0) for one in self.running]

    def refused(self) -> list[str]:
        """What the ledger has signed, and did not extend what it had shown before."""
        return [
            f"{one.part.name}: {row[0]}" for one in self.running for row in _written(one, _REFUSED)
        ]


def _written(one: Running, query: str) -> list[tuple[Any, ...]]:
    # Read, and no more: one that is stopped in the middle of writing keeps others from writing.
    with closing(sqlite3.connect(one.place.data / _BOOK)) as book:
        return book.execute(query).fetchall()


@contextmanager
def witnesses(folder: DataFolder, beside: Path) -> Iterator[Witnesses]:
    """Witnesses of the ledger that stands, or will stand, on `folder`; what they keep is `beside`
    it. They outlive whoever asks them.
    """
    folder.prepare()
    log = ledger_signer(folder.keys, _ORIGIN).verifier
    running: list[Running] = []
    addresses = []
    try:
        for number in range(1, _COUNT + 1):
            name = f"witness-{number}"
            signer = NoteSigner.generate(f"{name}.example", COSIGNATURE_V1)
            part = WitnessPart(name, signer, log)
            one = Running(part, place_for(part, Path(), beside / name))
            running.append(one)
            one.start()
            addresses.append(WitnessAddress(signer.verifier, f"http://{one.place.at('http')}"))
        yield Witnesses(tuple(running), Witnessing(tuple(addresses), _COUNT))
    finally:
        for one in running:
            one.close()
