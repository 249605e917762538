"""R-43: what a plane counts of enrolments."""

from onrecord.vector_search.measured import ENROLMENT_SECONDS
from tests.builders.plane import UTAH, World, face, portrait, record_name


def took() -> tuple[float, float]:
    """How many seconds, and how many of Utah's enrolments they were."""
    found = {
        one.name.removeprefix("onrecord_enrolment_seconds"): one.value
        for family in ENROLMENT_SECONDS.metric.collect()
        for one in family.samples
        if one.labels["gallery"] == UTAH
    }
    return found["_sum"], found["_count"]


def test_an_enrolment_takes_from_its_ticket_to_its_record_being_live(world: World) -> None:
    seconds, count = took()
    image = portrait(90)
    ticket = world.begin(record_name(90), image)
    world.clock.pass_by(seconds=7)
    world.submit(ticket, image)
    world.clock.pass_by(seconds=5)
    arrives = world.embedded(ticket, image, face(90))
    world.arrive(arrives)
    world.arrive(arrives)  # once more, and nothing happens
    assert took() == (seconds + 12, count + 1)
