"""Publishing to SQLite: whoever comes first writes for all who wait."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from onrecord.chassis.bus.ports import Message, must_fit
from onrecord.chassis.bus.sqlite.bell import Bell
from onrecord.chassis.bus.sqlite.log import Log
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock


@dataclass(slots=True, eq=False)
class _Waiting:
    messages: Sequence[Message]
    deadline: Deadline
    done: bool = False
    failure: OnRecordError | None = None


@dataclass(slots=True)
class _File:
    """One file and those who wait to write to it."""

    log: Log
    writing: threading.Lock = field(default_factory=threading.Lock)
    waiting: deque[_Waiting] = field(default_factory=deque)


class SqlitePublisher:
    """A `Publisher` on logs of its own."""

    def __init__(
        self, logs: Sequence[Log], clock: Clock, bell: Bell, is_closed: Callable[[], bool]
    ) -> None:
        self._files = [_File(log) for log in logs]
        self._of_topic: Mapping[str, int] = {
            topic: place for place, log in enumerate(logs) for topic in log.partitions()
        }
        self._clock = clock
        self._bell = bell
        self._bus_is_closed = is_closed
        self._closed = False

    def publish(self, messages: Sequence[Message], deadline: Deadline) -> None:
        by_file: dict[int, list[Message]] = {}
        for message in messages:
            must_fit(message)
            place = self._of_topic.get(message.topic)
            if place is None:
                raise OnRecordError(
                    ErrorCode.BUS_UNAVAILABLE, f"there is no topic {message.topic} on this bus"
                )
            by_file.setdefault(place, []).append(message)
        for place, some in by_file.items():
            self._write(self._files[place], _Waiting(some, deadline))
        if by_file:
            self._bell.ring(message.topic for message in messages)

    def close(self) -> None:
        """What is being written is finished first. Repeatable."""
        self._closed = True
        for file in self._files:
            with file.writing:
                file.log.close()

    def _write(self, file: _File, mine: _Waiting) -> None:
        file.waiting.append(mine)
        if not file.writing.acquire(timeout=mine.deadline.remaining()):
            # Somebody may be writing it this moment: nobody can say whether it was published.
            raise _late()
        try:
            if not mine.done:
                self._write_all(file)
        finally:
            file.writing.release()
        if mine.failure is not None:
            raise mine.failure

    def _write_all(self, file: _File) -> None:
        """One transaction, and so one sync to disk, for all who have come so far."""
        taken = [file.waiting.popleft() for _ in range(len(file.waiting))]
        alive = [one for one in taken if one.deadline.remaining() > 0.0]
        # What stands here unless the transaction ends well, whatever else befalls the writer.
        failure: OnRecordError | None = OnRecordError(
            ErrorCode.BUS_UNAVAILABLE, "the messages could not be written"
        )
        try:
            if self._closed or self._bus_is_closed():
                raise OnRecordError(ErrorCode.BUS_UNAVAILABLE, "the bus has been closed")
            if alive:
                longest = max(one.deadline.remaining() for one in alive)
                together = (message for one in alive for message in one.messages)
                file.log.append(together, self._clock.now(), longest)
            failure = None
        except OnRecordError as error:
            failure = error
        finally:
            for one in taken:
                one.failure = failure if one in alive else _late()
                one.done = True


def _late() -> OnRecordError:
    return OnRecordError(
        ErrorCode.DEADLINE_EXCEEDED, "the caller's deadline passed before it was published"
    )
