"""R-26: a record stands in the ledger as an HMAC under its own key."""

import hashlib
import hmac

from onrecord.proof.commitment import record_commitment

KEY, SALT = bytes(range(32)), b"a fresh salt"


def expected(key: bytes, salt: bytes, field: str) -> str:
    """HKDF of RFC 5869 by its two steps, with the standard library alone."""
    extracted = hmac.new(bytes(32), key, hashlib.sha256).digest()
    derived = hmac.new(extracted, b"onrecord/ledger/v1\x01", hashlib.sha256).digest()
    return hmac.new(derived, salt + field.encode(), hashlib.sha256).hexdigest()


def test_the_commitment_is_the_formula_of_the_contracts() -> None:
    assert record_commitment(KEY, SALT, "record_id") == expected(KEY, SALT, "record_id")


def test_two_entries_about_one_record_do_not_show_it() -> None:
    said = {
        record_commitment(KEY, SALT, "record_id"),
        record_commitment(KEY, b"another salt", "record_id"),
        record_commitment(KEY[::-1], SALT, "record_id"),
        record_commitment(KEY, SALT, "path"),
    }
    assert len(said) == 4
