"""How a ledger body speaks of a record without naming it (R-26).

The commitment is an HMAC under a key derived from the record's own data key: whoever destroys the
data key has unlinked every commitment, and no proof is broken by it.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_INFO = b"onrecord/ledger/v1"


def record_commitment(data_key: bytes, salt: bytes, field: str) -> str:
    """HMAC-SHA256(HKDF-SHA256(data key), salt ‖ field), in hexadecimal.

    `salt` is public in the same body (a fresh random value each time), so that two entries about
    one record do not show that they speak of the same one.
    """
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_INFO).derive(data_key)
    return hmac.new(key, salt + field.encode(), hashlib.sha256).hexdigest()
