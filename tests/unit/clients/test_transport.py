"""What travels on the bus is sealed, and keys are forgotten when their time is over (R-46)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from onrecord.clients.transport import CROP, PORTRAIT, TEMPLATE, TransportSeals
from onrecord.clients.transport_keys import PlanesKeys
from onrecord.contracts.events import EnrolmentRef, SealedBytes
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.faces import SetClock
from tests.builders.transport import KeyRing, ref

SOON = Deadline.after(86_400)  # from when this was imported: a whole run takes its time


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def ring(clock: SetClock) -> KeyRing:
    return KeyRing(clock)


@pytest.fixture
def seals(ring: KeyRing, clock: SetClock) -> TransportSeals:
    return TransportSeals(ring, clock)


def code(error: pytest.ExceptionInfo[OnRecordError]) -> ErrorCode:
    return error.value.code


def test_what_was_sealed_opens(seals: TransportSeals) -> None:
    sealed = seals.seal(CROP, ref(), b"a face", SOON)
    assert b"a face" not in sealed.ciphertext
    assert seals.open(CROP, ref(), sealed, SOON) == b"a face"


@pytest.mark.parametrize(
    ("what", "whose"),
    [
        (TEMPLATE, ref()),
        (PORTRAIT, ref()),
        (CROP, ref(2)),
        (CROP, ref(generation=2)),
    ],
)
def test_it_opens_in_no_other_place(seals: TransportSeals, what: str, whose: EnrolmentRef) -> None:
    """Bound to kind, gallery, enrolment and generation: nobody can pass one off as another."""
    sealed = seals.seal(CROP, ref(), b"a face", SOON)
    with pytest.raises(OnRecordError) as caught:
        seals.open(what, whose, sealed, SOON)
    assert code(caught) is ErrorCode.SEAL_INVALID


def test_another_gallerys_key_does_not_open_it(clock: SetClock) -> None:
    ring = KeyRing(clock, galleries=("US-UT", "US-VT"))
    seals = TransportSeals(ring, clock)
    sealed = seals.seal(CROP, ref(gallery="US-VT"), b"a face", SOON)
    with pytest.raises(OnRecordError) as caught:
        seals.open(CROP, ref(gallery="US-UT"), sealed, SOON)
    assert code(caught) is ErrorCode.SEAL_KEY_DESTROYED


def test_what_is_not_sealed_or_was_altered(seals: TransportSeals) -> None:
    sealed = seals.seal(CROP, ref(), b"a face", SOON)
    flipped = sealed.ciphertext[:-1] + bytes([sealed.ciphertext[-1] ^ 1])
    for wrong in (
        SealedBytes("", b"a face"),
        replace(sealed, ciphertext=flipped),
        replace(sealed, ciphertext=b""),
    ):
        with pytest.raises(OnRecordError) as caught:
            seals.open(CROP, ref(), wrong, SOON)
        assert code(caught) is ErrorCode.SEAL_INVALID


def test_a_key_is_asked_for_once(seals: TransportSeals, ring: KeyRing) -> None:
    sealed = [seals.seal(CROP, ref(number), b"x", SOON) for number in range(5)]
    for number, one in enumerate(sealed):
        seals.open(CROP, ref(number), one, SOON)
    assert ring.asked == [None]
    fresh = TransportSeals(ring, ring.clock)
    for number, one in enumerate(sealed):
        fresh.open(CROP, ref(number), one, SOON)
    assert ring.asked == [None, sealed[0].key_id]


def test_a_new_key_is_sealed_with_when_the_plane_rotates(
    seals: TransportSeals, clock: SetClock
) -> None:
    first = seals.seal(CROP, ref(), b"x", SOON)
    clock.at += timedelta(hours=24)
    second = seals.seal(CROP, ref(), b"x", SOON)
    assert first.key_id != second.key_id
    assert seals.open(CROP, ref(), first, SOON) == b"x", "the older one still opens"


def test_a_destroyed_key_is_forgotten(
    seals: TransportSeals, ring: KeyRing, clock: SetClock
) -> None:
    """Sealed under a destroyed key: no copy of ours outlives the plane's."""
    sealed = seals.seal(CROP, ref(), b"x", SOON)
    secret = ring.minted[sealed.key_id].key
    assert secret in keys_held(seals)
    clock.at += timedelta(hours=48)
    with pytest.raises(OnRecordError) as caught:
        seals.open(CROP, ref(), sealed, SOON)
    assert code(caught) is ErrorCode.SEAL_KEY_DESTROYED
    assert keys_held(seals) == []


def test_keys_are_forgotten_where_nobody_asks_for_any(
    seals: TransportSeals, clock: SetClock
) -> None:
    seals.seal(CROP, ref(), b"x", SOON)
    clock.at += timedelta(hours=49)
    seals.forget()
    assert keys_held(seals) == []


def test_a_plane_that_is_away_is_said_and_nothing_remembered(
    seals: TransportSeals, ring: KeyRing
) -> None:
    ring.away = True
    with pytest.raises(OnRecordError) as caught:
        seals.seal(CROP, ref(), b"x", SOON)
    assert code(caught) is ErrorCode.PLANE_UNAVAILABLE
    ring.away = False
    assert seals.open(CROP, ref(), seals.seal(CROP, ref(), b"x", SOON), SOON) == b"x"


def test_of_several_planes_the_one_that_holds_the_gallery_is_asked(clock: SetClock) -> None:
    utah, vermont = KeyRing(clock), KeyRing(clock, galleries=("US-VT",))
    keys = PlanesKeys([utah, vermont])
    assert keys.transport_key("US-VT", None, SOON).gallery == "US-VT"
    keys.transport_key("US-VT", None, SOON)
    assert (len(utah.asked), len(vermont.asked)) == (1, 2)
    with pytest.raises(OnRecordError) as caught:
        keys.transport_key("US-MD", None, SOON)
    assert code(caught) is ErrorCode.GALLERY_UNKNOWN
    utah.away = True
    with pytest.raises(OnRecordError) as caught:
        keys.transport_key("US-MD", None, SOON)
    assert code(caught) is ErrorCode.PLANE_UNAVAILABLE, "it might be the one"


def keys_held(seals: TransportSeals) -> list[bytes]:
    """Every key in memory, however it is kept."""
    return [key.key for key in (*seals._held.values(), *seals._current.values())]
