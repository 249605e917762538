"""What stands where in a data folder."""

from dataclasses import dataclass
from pathlib import Path

ONLY_PLANE = "main"
LEDGER_KEY = "ledger.key"
PUBLIC_LEDGER_KEY = "ledger.vkey"
CASEWORK_KEY = "casework.key"


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Everything an installation keeps, under one root. Secrets are in `certificates`, `identity`
    and `keys`, readable by their owner alone.
    """

    root: Path

    def prepare(self) -> None:
        """Make the folders that are missing, and close those that are there to everyone else.

        Databases and vault are written with the usual rights: that nobody else on the machine
        reads record ids rests on the root, which may have been made by hand.
        """
        for folder in (
            self.root,
            self.certificates,
            self.identity,
            self.keys,
            self.processes,
        ):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(0o700)

    @property
    def certificates(self) -> Path:
        return self.root / "certificates"

    @property
    def identity(self) -> Path:
        return self.root / "identity"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def gallery_keys(self) -> Path:
        return self.keys / "galleries"

    @property
    def ledger_key(self) -> Path:
        return self.keys / LEDGER_KEY

    @property
    def public_ledger_key(self) -> Path:
        return self.keys / PUBLIC_LEDGER_KEY

    @property
    def casework_key(self) -> Path:
        return self.keys / CASEWORK_KEY

    @property
    def token_keys(self) -> Path:
        """The development issuer's public keys (JWKS)."""
        return self.identity / "jwks.json"

    @property
    def processes(self) -> Path:
        """Where the services run apart: the settings and the log of each."""
        return self.root / "processes"

    @property
    def bus(self) -> Path:
        return self.root / "bus"

    @property
    def planes(self) -> Path:
        """Where there is more than one plane: what each of them keeps."""
        return self.root / "planes"

    def plane(self, name: str) -> "DataFolder":
        """What a plane keeps: here, where there is only one (`main`), or apart from the others."""
        if name == ONLY_PLANE:
            return self
        root = self.planes / name
        keys = root / "keys"
        for folder in (self.planes, root, keys):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return DataFolder(root)

    @property
    def ledger_objects(self) -> Path:
        """The public ledger: checkpoint, tiles, entry bundles."""
        return self.root / "ledger"

    @property
    def vault_objects(self) -> Path:
        """Sealed portraits."""
        return self.root / "vault"

    @property
    def vectors(self) -> Path:
        return self.root / "milvus.db"

    @property
    def lock(self) -> Path:
        return self.root / "in-use.lock"

    @property
    def address(self) -> Path:
        """Written when the server answers: its base address, for tools on the same machine."""
        return self.root / "address"

    def database(self, name: str) -> str:
        """SQLAlchemy URL of one of `ledger`, `casework`, `roster`."""
        return f"sqlite:///{self.root / name}.db"
