"""Certificates: whose they are, whether a root is at their end, how long they last."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from onrecord.chassis.identity_files import read_identity
from onrecord.cli.preflight.results import Result, missing, ok
from onrecord.cli.preflight.targets import Installation, Target
from onrecord.kernel.errors import OnRecordError

_FOR_PARTS: Final = {"bus_certificate": "the brokers", "inference_certificate": "Triton"}
_DAY: Final = timedelta(days=1)


def examine(target: Target, installation: Installation) -> Iterator[Result]:
    settings = target.settings
    command = f"onrecord certificates --out {settings.certificate.parent}"
    try:
        identity = read_identity(
            target.service, settings.certificate, settings.certificate_key, settings.roots
        )
    except OnRecordError as error:
        yield missing(error.message, command)
    else:
        named = f"{target.service.spiffe_id}, {len(identity.chain)} certificates to a root"
        yield _lasting(named, identity.chain, installation, command)
    for name, whom in _FOR_PARTS.items():
        path: Path | None = getattr(settings, name, None)
        if path is not None:
            ask = f"openssl x509 -in {path} -noout -subject -dates"
            yield _for_part(f"{path}, for {whom}", path, installation, ask)


def _for_part(named: str, path: Path, installation: Installation, command: str) -> Result:
    try:
        chain = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        return missing(f"{named}: cannot be read ({type(error).__name__})", command)
    return _lasting(named, chain, installation, command)


def _lasting(
    named: str, chain: Sequence[x509.Certificate], installation: Installation, command: str
) -> Result:
    for below, above in pairwise(chain):
        try:
            below.verify_directly_issued_by(above)
        except (ValueError, TypeError, InvalidSignature):
            return missing(f"{named}: one of them was not signed by the next", command)
    now = installation.now
    begins = max(one.not_valid_before_utc for one in chain)
    if begins > now:
        return missing(f"{named}: not valid before {begins.isoformat()}", command)
    days = (min(one.not_valid_after_utc for one in chain) - now) / _DAY
    if days <= 0:
        return missing(f"{named}: ended {-days:.1f} days ago", command)
    if days < installation.certificate_days:
        return missing(f"{named}: ends in {days:.1f} days", command)
    return ok(f"{named}, {days:.0f} days left")
