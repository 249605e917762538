"""Somebody who asks until they are answered, as clients are told to."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import httpx

from onrecord.client import ClientError, OnRecordClient
from tests.builders import e2e_people as people
from tests.builders.e2e_people import Person
from tests.chaos.form import Asked

_T = TypeVar("_T")
_TIMEOUT = httpx.Timeout(20.0, connect=5.0)
_PAUSE_SECONDS = 0.3
PATIENCE_SECONDS = 120.0
"""How long somebody asks the same thing again: longer than any fault lasts."""
_AGAIN = frozenset({0, 429, 500, 502, 503, 504})
"""Nothing came, or a failure that may pass."""
_AGAIN_CODES = frozenset({"receipt_gap"})
"""Of the conflicts, those that end when the bus has brought what it holds."""


class Heard:
    """What clients were told, counted: every error by status and code, and what came of it all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: Counter[str] = Counter()

    def count(self, what: str) -> None:
        with self._lock:
            self._counted[what] += 1

    def counts(self) -> Counter[str]:
        with self._lock:
            return Counter(self._counted)


class Asker:
    """Used from one thread. `counts` go to `heard`."""

    def __init__(self, form: Asked, chance: random.Random, heard: Heard) -> None:
        self._form = form
        self._chance = chance
        self.heard = heard
        self._pause = threading.Event()

    def ask(self, what: str, who: Person, act: Callable[[OnRecordClient], _T]) -> _T | None:
        """The answer; None where it is a refusal, or none came in `PATIENCE_SECONDS`."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self._once(who, act)
            except ClientError as error:
                self.heard.count(f"{what}: {error.status} {error.code}")
                again = error.status in _AGAIN or error.code in _AGAIN_CODES
                if not again:
                    return None
                if time.monotonic() > until:
                    self.heard.count(f"{what}: given up")
                    return None
                self._pause.wait(_PAUSE_SECONDS)
            else:
                self.heard.count(f"{what}: answered")
                return answer

    def _once(self, who: Person, act: Callable[[OnRecordClient], _T]) -> _T:
        address = self._chance.choice(self._form.addresses)
        token = people.tokens(self._form.installation.issuer, who)
        # A connection for each: where several gateways answer, any of them may be asked.
        with httpx.Client(timeout=_TIMEOUT) as http:
            return act(OnRecordClient(address, token, http))
