"""Transport keys: minted, handed over, rotated daily, destroyed a day later (R-46)."""

from datetime import timedelta
from pathlib import Path

import pytest

from onrecord.chassis.database import read_transaction
from onrecord.clients.transport import CROP
from onrecord.contracts.events import EnrolmentRef
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.measured import keys_reading
from onrecord.vector_search.roster import transport_keys
from tests.builders.plane import START, UTAH, VERMONT, World
from tests.unit.vector_search.conftest import Refused

REF = EnrolmentRef(UTAH, "0" * 32, 1)


def key_files(folder: Path) -> list[Path]:
    return sorted((folder / "keys").glob("US-*/*"))


def test_everyone_is_handed_the_same_key_until_it_is_rotated(world: World) -> None:
    key = world.plane.transport_key(UTAH, None, world.deadline)
    assert len(key.key) == 32
    assert key.seal_until == START + timedelta(hours=24)
    assert key.opens_until == START + timedelta(hours=48)
    assert world.plane.transport_key(UTAH, None, world.deadline) == key
    assert world.plane.transport_key(UTAH, key.key_id, world.deadline) == key
    assert key.key.hex() not in repr(key)


def test_each_gallery_has_its_own(world: World, refused: Refused) -> None:
    """R-30: a key of one state's opens nothing of another's."""
    world.open_gallery(VERMONT)
    own = world.plane.transport_key(UTAH, None, world.deadline)
    other = world.plane.transport_key(VERMONT, None, world.deadline)
    assert own.key != other.key
    refused(
        ErrorCode.SEAL_KEY_DESTROYED,
        lambda: world.plane.transport_key(VERMONT, own.key_id, world.deadline),
    )


def test_a_key_is_rotated_daily_and_opens_for_another_day(world: World) -> None:
    first = world.plane.transport_key(UTAH, None, world.deadline)
    sealed = world.seals.seal(CROP, REF, b"a face", world.deadline)
    world.clock.pass_by(hours=24)
    second = world.plane.transport_key(UTAH, None, world.deadline)
    assert second.key_id != first.key_id
    world.plane.maintain(world.deadline)
    assert world.seals.open(CROP, REF, sealed, world.deadline) == b"a face"


def test_a_key_that_upkeep_did_not_destroy_is_told(world: World) -> None:
    """R-46: also of a gallery in which nobody is enrolled any more."""
    reading = keys_reading(world.plane.transport_keys_overdue)

    def told() -> list[float]:
        return [one.value for one in reading.read() if one.labels == {"gallery": UTAH}]

    world.plane.transport_key(UTAH, None, world.deadline)
    world.clock.pass_by(hours=47)
    assert told() == [0]
    world.clock.pass_by(hours=2)
    assert told()[0] >= 1
    world.plane.maintain(world.deadline)
    assert told() == [0]


def test_a_key_that_is_destroyed_opens_nothing_ever_again(
    world: World, folder: Path, refused: Refused
) -> None:
    """R-46: whoever holds a message from the bus holds nothing."""
    first = world.plane.transport_key(UTAH, None, world.deadline)
    sealed = world.seals.seal(CROP, REF, b"a face", world.deadline)
    (path,) = key_files(folder)
    assert path.stat().st_mode & 0o777 == 0o600
    world.clock.pass_by(hours=48)
    # Destroyed in time, also before anybody has come round to it.
    refused(
        ErrorCode.SEAL_KEY_DESTROYED,
        lambda: world.plane.transport_key(UTAH, first.key_id, world.deadline),
    )
    refused(
        ErrorCode.SEAL_KEY_DESTROYED, lambda: world.seals.open(CROP, REF, sealed, world.deadline)
    )
    world.plane.maintain(world.deadline)
    assert not path.exists()
    with read_transaction(world.roster) as tx:
        held = transport_keys.find(tx, UTAH, first.key_id)
    assert held is not None
    assert held.destroyed
    second = world.plane.transport_key(UTAH, None, world.deadline)
    assert second.key_id != first.key_id
    assert len(key_files(folder)) == 1


def test_a_key_without_a_row_is_swept_up(world: World, folder: Path) -> None:
    """What a crash leaves between the file and its row."""
    current = world.plane.transport_key(UTAH, None, world.deadline)
    stray = folder / "keys" / UTAH / f"{'a' * 32}.transport"
    stray.write_text("00" * 32 + "\n")
    world.plane.maintain(world.deadline)
    assert not stray.exists()
    assert world.plane.transport_key(UTAH, current.key_id, world.deadline) == current


def test_a_key_whose_file_was_lost_stops_nobody(world: World, folder: Path) -> None:
    lost = world.plane.transport_key(UTAH, None, world.deadline)
    for path in key_files(folder):
        path.unlink()
    fresh = world.plane.transport_key(UTAH, None, world.deadline)
    assert fresh.key_id != lost.key_id
    assert world.plane.transport_key(UTAH, None, world.deadline) == fresh


@pytest.mark.parametrize("key_id", ["", "../US-UT", "x" * 33, "no such key"])
def test_a_name_that_is_none(world: World, key_id: str) -> None:
    with pytest.raises(OnRecordError) as raised:
        world.plane.transport_key(UTAH, key_id, world.deadline)
    assert raised.value.code is ErrorCode.SEAL_KEY_DESTROYED


def test_a_gallery_that_is_not_here(world: World, refused: Refused) -> None:
    refused(
        ErrorCode.GALLERY_UNKNOWN,
        lambda: world.plane.transport_key("US-MD", None, world.deadline),
    )


def test_upkeep_leaves_no_copy_of_a_destroyed_key_in_memory(world: World) -> None:
    """R-46: also in a plane to which nothing has come since."""
    world.enrol(1)
    held = world.plane._seals._held
    assert held
    world.clock.pass_by(hours=48)
    world.plane.maintain(world.deadline)
    assert not held
