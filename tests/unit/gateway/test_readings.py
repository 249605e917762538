"""R-43, R-46: what waits for people is told, for alerts that last as long as it waits."""

from datetime import timedelta

from onrecord.contracts.events import FACE_DETECTED, DeadLetter, EnrolmentRef
from onrecord.gateway.store.dead_letters import DeadLetterStore
from onrecord.kernel.errors import ErrorCode
from tests.builders.gateway import Office


def waiting(office: Office) -> dict[str, float]:
    """Dead letters by what they are about."""
    values = (one for reading in office.gateway.readings for one in reading.read())
    return {
        one.labels["about"]: one.value
        for one in values
        if one.gauge.name == "onrecord_dead_letters_waiting"
    }


def test_dead_letters_wait_until_they_are_sent_on(office: Office) -> None:
    assert waiting(office) == {"enrolment": 0, "nothing": 0}
    store, now = DeadLetterStore(office.parts.database), office.clock.now()
    refs = (EnrolmentRef("US-UT", "e-1", 1), EnrolmentRef("US-UT", "e-2", 1), None)
    store.keep(
        [
            DeadLetter(
                topic=FACE_DETECTED,
                partition=0,
                offset=offset,
                enrolment=ref,
                code=ErrorCode.EVENT_MALFORMED,
                message="it cannot be read",
                attempts=1,
                time=now,
            )
            for offset, ref in enumerate(refs)
        ]
    )
    assert waiting(office) == {"enrolment": 2, "nothing": 1}
    store.redriven([1], now + timedelta(minutes=1))
    assert waiting(office) == {"enrolment": 1, "nothing": 1}
