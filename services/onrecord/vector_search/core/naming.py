"""How the roster recognises a record whose id it has destroyed."""

import hashlib
import hmac
from collections.abc import Iterable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_INFO = b"onrecord/record-mac/v1"


def record_mac(gallery_key: bytes, record_id: str) -> str:
    """HMAC-SHA256 of the id under a key derived from the gallery's private key, in hexadecimal.

    Ids are short and drawn from a known form: without the key nobody can try them all.
    """
    return record_macs(gallery_key, [record_id])[0]


def record_macs(gallery_key: bytes, record_ids: Iterable[str]) -> list[str]:
    """`record_mac` of each, in order."""
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_INFO).derive(gallery_key)
    return [hmac.new(key, one.encode(), hashlib.sha256).hexdigest() for one in record_ids]
