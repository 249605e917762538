"""`onrecord certificates`: a local authority for where there is none."""

import stat
from pathlib import Path

from click.testing import CliRunner

from onrecord.chassis.identity_files import read_identity
from onrecord.cli.certificates import certificates
from onrecord.kernel.vocabulary import Service


def test_every_service_gets_an_identity_and_keeps_it(tmp_path: Path) -> None:
    """Mutual TLS always: what it writes is what `onrecord serve` reads; a second call keeps it."""
    out = tmp_path / "certificates"
    for _ in range(2):
        done = CliRunner().invoke(certificates, ["--out", str(out)])
        assert done.exit_code == 0, done.output
        kept = {path.name: path.read_bytes() for path in out.iterdir()}
    assert kept == {path.name: path.read_bytes() for path in out.iterdir()}
    for service in Service:
        name = service.value
        identity = read_identity(
            service, out / f"{name}.pem", out / f"{name}.key.pem", out / "root.pem"
        )
        assert identity.service is service
        assert service.spiffe_id in done.output
    for key in out.glob("*.key.pem"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
