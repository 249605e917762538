"""Commits that somebody waits for no longer than is set.

librdkafka offers a commit to a coordinator that is away again and again, and answers when it is
back (2.16.0, whatever its timeouts are). So a thread of its own waits for the answer. Until there
is one the client is used for nothing else.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from onrecord.chassis.bus.kafka.errors import unavailable

Answer = Future[list[TopicPartition]]
_END: Final = None


class Committing:
    """Of one client. The thread begins with the first commit."""

    def __init__(self, client: Consumer) -> None:
        self._client = client
        self._asked: SimpleQueue[tuple[list[TopicPartition], Answer] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._open: Answer | None = None

    def must_be_answered(self) -> None:
        """Raises BUS_UNAVAILABLE while an answer is still missing."""
        if self._open is not None:
            if not self._open.done():
                raise unavailable("the last commit has no answer yet")
            self._open = None

    def commit(self, places: Sequence[TopicPartition], seconds: float) -> list[TopicPartition]:
        """Raises KafkaException; TimeoutError where there was no answer, and it may yet be done."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="kafka commits", daemon=True)
            self._thread.start()
        self._open = Future()
        self._asked.put((list(places), self._open))
        answer = self._open.result(seconds)
        self._open = None
        return answer

    def end(self, last: Callable[[], None], seconds: float) -> None:
        """Do what comes last, when there is an answer; waited for so long, and not beyond."""
        answer, self._open = self._open, None
        self._asked.put(_END)
        if answer is None or _is_answered(answer, seconds):
            last()
        else:
            answer.add_done_callback(lambda _: last())

    def _run(self) -> None:
        while (asked := self._asked.get()) is not _END:
            places, answer = asked
            try:
                answer.set_result(self._client.commit(offsets=places, asynchronous=False))
            except BaseException as error:  # noqa: BLE001 - told to whoever waits
                answer.set_exception(error)


def _is_answered(answer: Answer, seconds: float) -> bool:
    try:
        answer.exception(seconds)
    except TimeoutError:
        return False
    return True
