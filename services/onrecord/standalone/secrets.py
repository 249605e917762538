"""The keys a data folder is given when it is first used."""

from pathlib import Path

from onrecord.chassis.certificates import write_secret
from onrecord.chassis.sealing import SymmetricSeal, new_data_key
from onrecord.proof.notes import NoteSigner
from onrecord.standalone.folder import CASEWORK_KEY, LEDGER_KEY, PUBLIC_LEDGER_KEY


def ledger_signer(folder: Path, origin: str) -> NoteSigner:
    """The ledger's checkpoint key; minted once. Its public half stands beside it."""
    path = folder / LEDGER_KEY
    if not path.exists():
        write_secret(path, NoteSigner.generate(origin).text.encode())
    signer = NoteSigner.parse(path.read_text("utf-8").strip())
    public = folder / PUBLIC_LEDGER_KEY
    if not public.exists():
        write_secret(public, (signer.verifier.text + "\n").encode())
    return signer


def casework_seal(folder: Path) -> SymmetricSeal:
    """The gateway's casework key; minted once."""
    path = folder / CASEWORK_KEY
    if not path.exists():
        write_secret(path, new_data_key())
    return SymmetricSeal(path.read_bytes())
