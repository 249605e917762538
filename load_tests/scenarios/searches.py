"""Searches over HTTP as an agency's system asks for them. A file for locust.

    locust -f load_tests/scenarios/searches.py Waiting -u 8 -t 30s --headless --host GATEWAY \
        --gateways GATEWAY[,GATEWAY] --identity DATA/identity --heard FILE

`Waiting`: as many callers as there are users, each asking again when it has its answer (a closed
loop: it finds the capacity). `Arriving`, one user: searches come at `--rate` a second with
exponential gaps, whether or not earlier ones were answered, and a wait counts from when a search
was due (an open loop: it finds what people would see). What each heard is written to `--heard`.
"""

import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import gevent
from gevent.pool import Group
from locust import FastHttpUser, constant, events, task
from locust.argument_parser import LocustArgumentParser

from load_tests.lfw import data_folder, photographs
from load_tests.people import INVESTIGATOR, request
from onrecord.chassis.development_issuer import DevelopmentIssuer

_LIST_SIZE = 20
_BOUNDARY = "b0undary"
_TOKEN_SECONDS = 300.0
_LAST_SECONDS = 60.0
_SHED = (429, 503)
_NOT_SEARCHED = {
    "Arturo_Gatti_0002.jpg",
    "Doris_Schroeder_0002.jpg",
    "Franz_Muentefering_0003.jpg",
    "John_Lennon_0001.jpg",
}
"""No face is found, or none that is good enough (docs/performance.md)."""
_events: Any = events  # its listeners are without types


def _more_options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--gateways", default="", help="base URLs, by commas; asked in turn")
    parser.add_argument("--identity", default="", help="the development issuer's folder")
    parser.add_argument("--rate", type=float, default=1.0, help="arrivals a second (Arriving)")
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--heard", default="", help="write what was heard here (JSON)")


class Heard:
    """Every answer: when it was due (seconds from the start), how long it took, what it was."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self._cpu = time.process_time()
        self.answers: list[tuple[float, float, str]] = []
        self.codes: Counter[str] = Counter()

    def write(self, path: Path) -> None:
        told = {
            "answers": self.answers,
            "codes": dict(self.codes),
            "cpu_seconds": time.process_time() - self._cpu,
            "seconds": time.perf_counter() - self.began,
        }
        path.write_text(json.dumps(told), "utf-8")


class Asking:
    """Makes searches: a fresh case, the next photograph, the next gateway, a token that lives."""

    def __init__(self, options: Any) -> None:
        self._gateways = [one for one in options.gateways.split(",") if one]
        self._issue = INVESTIGATOR.tokens(DevelopmentIssuer.open(Path(options.identity)))
        self._probes = [one.path.read_bytes() for one in _probes()]
        self._numbers = count()
        self._token, self._until = "", 0.0

    def next(self) -> tuple[str, bytes, dict[str, str]]:
        """URL, body and headers."""
        number = next(self._numbers)
        if time.monotonic() > self._until:
            self._token, self._until = self._issue(), time.monotonic() + _TOKEN_SECONDS
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Idempotency-Key": uuid.uuid4().hex,
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        }
        url = f"{self._gateways[number % len(self._gateways)]}/v1/searches"
        return url, _body(self._probes[number % len(self._probes)]), headers


def _begin(environment: Any, **_: Any) -> None:
    environment.asking = Asking(environment.parsed_options)
    environment.heard = Heard()


def _end(environment: Any, **_: Any) -> None:
    options: Any = environment.parsed_options
    if options.heard:
        environment.heard.write(Path(options.heard))


_events.init_command_line_parser.add_listener(_more_options)
_events.test_start.add_listener(_begin)
_events.test_stop.add_listener(_end)


class _Searcher(FastHttpUser):
    abstract = True
    concurrency = 1000
    connection_timeout = 10.0
    network_timeout = _LAST_SECONDS

    def search(self, due: float) -> None:
        """One search, due at that time of `perf_counter`."""
        asking: Asking = self.environment.asking
        heard: Heard = self.environment.heard
        url, body, headers = asking.next()
        with self.client.post(
            url,
            data=body,  # type: ignore[arg-type]  # it takes bytes as well
            headers=headers,
            name="search",
            catch_response=True,
        ) as answer:
            kind = _kind(answer.status_code, answer.headers, answer.text or "")
            if kind == "shed":
                answer.success()  # the scenario wants to know, and it is no failure
            elif kind == "failed":
                answer.failure(f"{answer.status_code} {(answer.text or '')[:200]}")
            else:
                answer.success()
            heard.codes[str(answer.status_code)] += 1
        heard.answers.append((due - heard.began, time.perf_counter() - due, kind))


class Waiting(_Searcher):
    """Asks again when it has its answer."""

    wait_time = constant(0)

    @task
    def ask(self) -> None:
        self.search(time.perf_counter())


class Arriving(_Searcher):
    """Searches that come when they come."""

    def on_start(self) -> None:
        options: Any = self.environment.parsed_options
        self._under_way = Group()
        self._gap: Callable[[], float] = lambda: self._chance.expovariate(options.rate)
        self._chance = random.Random(options.seed)  # noqa: S311 - chances of arrivals
        self._due = time.perf_counter() + self._gap()

    @task
    def arrive(self) -> None:
        gevent.sleep(max(0.0, self._due - time.perf_counter()))
        self._under_way.spawn(self.search, self._due)
        self._due += self._gap()

    def on_stop(self) -> None:
        self._under_way.join(timeout=_LAST_SECONDS)


def _kind(status: int, headers: Any, text: str) -> str:
    """`accepted`, `shed` (told when to come again), or `failed`."""
    if status in _SHED and headers is not None and headers.get("Retry-After"):
        return "shed"
    if status != 201:
        return "failed"
    galleries = json.loads(text)["galleries"]
    return "accepted" if all(one["status"] == "searched" for one in galleries) else "failed"


def _body(probe: bytes) -> bytes:
    parts = (("request", json.dumps(request(_LIST_SIZE)).encode()), ("probe", probe))
    lines = b"".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for name, data in parts
    )
    return lines + f"--{_BOUNDARY}--\r\n".encode()


def _probes() -> list[Any]:
    """Photographs in which a face is found that is good enough."""
    every = photographs(data_folder(), "probe_mated")
    return [one for one in every if one.name not in _NOT_SEARCHED]
