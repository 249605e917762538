"""Names under the gallery's key: of a record whose id is destroyed, of a candidate in a search."""

import hmac
from collections.abc import Iterable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_RECORD = b"onrecord/record-mac/v1"
_CANDIDATE = b"onrecord/candidate-ref/v1"
_REF_DIGITS = 32


def record_mac(gallery_key: bytes, record_id: str) -> str:
    """HMAC-SHA256 of the id under a key derived from the gallery's private key, in hexadecimal.

    Ids are short and drawn from a known form: without the key nobody can try them all.
    """
    return record_macs(gallery_key, [record_id])[0]


def record_macs(gallery_key: bytes, record_ids: Iterable[str]) -> list[str]:
    """`record_mac` of each, in order."""
    key = _derived(gallery_key, _RECORD)
    return [_mac(key, one) for one in record_ids]


def candidate_refs(gallery_key: bytes, mandate: str, index_keys: Iterable[str]) -> list[str]:
    """What vectors that a search found are called outside the plane: 128 bits each, in order.

    Without the key it is as good as random and says nothing in another search. The receipt names
    it, so nobody without the key can put another record in its place afterwards.
    """
    key = _derived(gallery_key, _CANDIDATE)
    return [_mac(key, f"{mandate}\n{one}")[:_REF_DIGITS] for one in index_keys]


def _derived(gallery_key: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(gallery_key)


def _mac(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()
