"""Who may do what on the server: an administrator's token, and the key of service accounts."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

ADMINISTRATOR: Final = "administrator"


@dataclass(frozen=True, slots=True)
class Identity:
    """The files in one folder; `made` makes what lacks. Nobody but us can read them."""

    folder: Path

    @property
    def tokens(self) -> Path:
        """The API server's static tokens: one administrator."""
        return self.folder / "tokens.csv"

    @property
    def account_key(self) -> Path:
        """Signs the tokens of service accounts."""
        return self.folder / "service-accounts.key"

    @property
    def certificates(self) -> Path:
        """Where the API server keeps the certificate that it makes for itself."""
        return self.folder / "certificates"

    @property
    def certificate(self) -> Path:
        """The same, with its authority."""
        return self.certificates / "apiserver.crt"

    @property
    def kubeconfig(self) -> Path:
        """How kubectl, helm and the controllers reach the server, as its administrator."""
        return self.folder / "kubeconfig"

    def token(self) -> str:
        """The administrator's."""
        return self.tokens.read_text().split(",")[0]

    def made(self, server: str) -> "Identity":
        """Itself, with every file; `server` is the API server's URL."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.tokens.exists():
            self.tokens.touch(mode=0o600)
            user = f"{ADMINISTRATOR},1,system:masters"
            self.tokens.write_text(f"{secrets.token_urlsafe(24)},{user}\n")
        if not self.account_key.exists():
            self.account_key.touch(mode=0o600)
            self.account_key.write_bytes(
                ec.generate_private_key(ec.SECP256R1()).private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.TraditionalOpenSSL,
                    serialization.NoEncryption(),
                )
            )
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(json.dumps(self._kubeconfig(server)))
        return self

    def _kubeconfig(self, server: str) -> dict[str, object]:
        name = "onrecord-tests"
        reached = {"server": server, "certificate-authority": str(self.certificate)}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": reached}],
            "users": [{"name": ADMINISTRATOR, "user": {"token": self.token()}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": ADMINISTRATOR}}],
            "current-context": name,
        }
