"""R-29, R-30: what is sealed opens for one key, in one place, and not once the key is gone."""

from collections.abc import Callable

import pytest

from onrecord.chassis.sealing import (
    Sealed,
    SymmetricSeal,
    decrypt,
    encrypt,
    new_data_key,
    new_gallery_key,
    open_sealed,
    public_half,
    seal,
    unwrap,
    wrap,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError

AAD = b"US-UT portrait 1"
FACE = b"a portrait" * 1000


def refused(act: Callable[[], object]) -> None:
    with pytest.raises(OnRecordError) as raised:
        act()
    assert raised.value.code is ErrorCode.SEAL_INVALID


def test_only_the_private_half_opens_what_was_sealed_to_the_public_half() -> None:
    """R-30: one state's key opens nothing of another's."""
    utah, vermont = new_gallery_key(), new_gallery_key()
    sealed = seal(utah.public, FACE, AAD)
    assert open_sealed(utah.private, sealed, AAD) == FACE
    assert FACE[:32] not in sealed.ciphertext
    refused(lambda: open_sealed(vermont.private, sealed, AAD))
    assert public_half(utah.private) == utah.public


def test_the_same_plaintext_never_seals_to_the_same_bytes() -> None:
    key = new_gallery_key()
    first, second = seal(key.public, FACE, AAD), seal(key.public, FACE, AAD)
    assert first.ciphertext != second.ciphertext
    assert first.wrapped_key != second.wrapped_key
    mixed = Sealed(first.ciphertext, second.wrapped_key)
    refused(lambda: open_sealed(key.private, mixed, AAD))


def test_a_ciphertext_in_another_place_does_not_open() -> None:
    key = new_gallery_key()
    sealed = seal(key.public, FACE, AAD)
    refused(lambda: open_sealed(key.private, sealed, b"US-UT portrait 2"))
    refused(lambda: unwrap(key.private, sealed.wrapped_key, b""))


@pytest.mark.parametrize("at", [0, 11, 12, 500, -1])
def test_any_changed_byte_is_noticed(at: int) -> None:
    data_key = new_data_key()
    changed = bytearray(encrypt(data_key, FACE, AAD))
    changed[at] ^= 1
    refused(lambda: decrypt(data_key, bytes(changed), AAD))


@pytest.mark.parametrize("at", [0, 31, 32, -1])
def test_any_changed_byte_of_a_wrapped_key_is_noticed(at: int) -> None:
    key = new_gallery_key()
    wrapped = bytearray(seal(key.public, FACE, AAD).wrapped_key)
    wrapped[at] ^= 1
    refused(lambda: unwrap(key.private, bytes(wrapped), AAD))


@pytest.mark.parametrize("size", [0, 11, 12, 27])
def test_bytes_that_are_cut_off_are_refused_and_crash_nothing(size: int) -> None:
    key = new_gallery_key()
    sealed = seal(key.public, FACE, AAD)
    refused(lambda: open_sealed(key.private, Sealed(sealed.ciphertext[:size], b""), AAD))
    refused(lambda: decrypt(new_data_key(), sealed.ciphertext[:size], AAD))


def test_a_wrapped_key_of_another_length_is_no_data_key() -> None:
    key = new_gallery_key()
    refused(lambda: unwrap(key.private, wrap(key.public, b"short", AAD), AAD))


class TestSymmetricSeal:
    """R-29: a probe has a data key per search; destroying it is destroying the probe."""

    def test_it_opens_what_it_sealed_and_nothing_else_does(self) -> None:
        own, other = SymmetricSeal(new_data_key()), SymmetricSeal(new_data_key())
        sealed = own.seal(FACE, AAD)
        assert own.open(sealed, AAD) == FACE
        refused(lambda: other.open(sealed, AAD))
        refused(lambda: own.open(sealed, b"another search"))

    def test_many_things_stand_under_one_data_key_each_in_its_place(self) -> None:
        seals = SymmetricSeal(new_data_key())
        wrapped = seals.new_data_key(b"search 1")
        probe = seals.seal_under(wrapped, b"search 1", FACE, b"probe")
        listed = seals.seal_under(wrapped, b"search 1", b"list", b"candidates")
        assert seals.open_under(wrapped, b"search 1", probe, b"probe") == FACE
        assert seals.open_under(wrapped, b"search 1", listed, b"candidates") == b"list"
        refused(lambda: seals.open_under(wrapped, b"search 1", listed, b"probe"))
        refused(lambda: seals.open_under(wrapped, b"search 2", probe, b"probe"))
        another = seals.new_data_key(b"search 1")
        refused(lambda: seals.open_under(another, b"search 1", probe, b"probe"))

    def test_a_key_of_another_size_is_refused(self) -> None:
        with pytest.raises(ValueError, match="32"):
            SymmetricSeal(b"k")
