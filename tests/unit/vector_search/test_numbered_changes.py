"""R-42, law 9: what a plane says of a gallery is numbered and names what it said before."""

from onrecord.contracts.events import GalleryChanged
from onrecord.proof import statements
from tests.builders.plane import UTAH, World, record_name

VERMONT = "US-VT"


def check_chain(world: World, gallery: str, length: int) -> list[str]:
    """Dense and chained, in whatever order it was published; what each of them says was done."""
    said = [event.change for event in world.publisher.events if isinstance(event, GalleryChanged)]
    ours = sorted(
        (one for one in said if statements.read(one)["gallery"] == gallery),
        key=lambda one: int(statements.read(one)["sequence"]),
    )
    previous = "0" * 64
    for number, change in enumerate(ours, 1):
        read = statements.read(change)
        assert (read["sequence"], read["previous"]) == (number, previous)
        previous = statements.statement_sha256(change)
    assert len(ours) == length
    return [str(statements.read(one)["type"]) for one in ours]


def test_enrolments_and_deletions_are_one_chain(world: World) -> None:
    before = len([one for one in world.changes if one["gallery"] == UTAH])
    world.enrol(41)
    world.enrol(42, record=41)
    token = world.custodian(UTAH)
    world.plane.delete_record(UTAH, record_name(41), token, world.deadline)
    world.plane.delete_record(UTAH, record_name(41), token, world.deadline)
    world.enrol(43, record=41)
    kinds = check_chain(world, UTAH, before + 4)
    assert kinds[before:] == [
        statements.GALLERY_CHANGED,
        statements.GALLERY_CHANGED,
        statements.RECORD_DELETED,
        statements.GALLERY_CHANGED,
    ]


def test_each_gallery_counts_for_itself(world: World) -> None:
    world.open_gallery(VERMONT)
    for number in (51, 52):
        world.enrol(number, VERMONT)
    check_chain(world, VERMONT, 2)
    check_chain(world, UTAH, len([one for one in world.changes if one["gallery"] == UTAH]))
