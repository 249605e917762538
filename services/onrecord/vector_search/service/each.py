"""Each gallery of a call succeeds or fails by itself (law 8)."""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from onrecord.contracts.vector_search import GalleryAnswer, GalleryFailure, GalleryResult
from onrecord.kernel.errors import ErrorCode, OnRecordError

_V = TypeVar("_V")
_ID_BYTES = 8
_log = logging.getLogger("onrecord.vector-search")


class Each:
    """The answers of one call by gallery. Not for several threads."""

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self.answers: dict[str, GalleryAnswer] = {}
        self.perhaps_kept: set[str] = set()
        """Galleries of which there is, or may be, a receipt: no other failure may hide that."""

    def attempt(self, names: Sequence[str], act: Callable[[], _V]) -> _V | None:
        """What `act` gives; None where it failed, which is then what these galleries answer."""
        try:
            return act()
        except OnRecordError as error:
            told = error
        except Exception as error:  # noqa: BLE001 - the others are answered whatever it was
            told = self._unexpected(names, error)
        for name in names:
            self.failed(name, told)
        return None

    def answered(self, result: GalleryResult) -> None:
        self.answers[result.gallery] = result

    def failed(self, name: str, error: OnRecordError) -> None:
        self.answers[name] = GalleryFailure.of(name, error)

    def _unexpected(self, names: Sequence[str], error: Exception) -> OnRecordError:
        error_id = self._random_bytes(_ID_BYTES).hex()
        _log.error("searching %s failed, error id %s", ", ".join(names), error_id, exc_info=error)
        return OnRecordError(
            ErrorCode.INTERNAL,
            f"an unexpected error; the log of the service has it under {error_id}",
            details={"error_id": error_id},
        )
