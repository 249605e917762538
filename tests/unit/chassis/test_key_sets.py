"""The identity provider's keys, asked of a provider that may be slow, away, or somebody else."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from onrecord.chassis.identity_files import KeySetFile
from onrecord.chassis.key_sets import ProvidersKeys, open_key_set
from onrecord.kernel.errors import ErrorCode, OnRecordError


class Provider:
    """A provider on 127.0.0.1. `answers`: by path, a status and a body."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                status, body = provider.answers.get(self.path, (404, b""))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def says(self, path: str, content: object) -> None:
        self.answers[path] = (200, json.dumps(content).encode())

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider() -> Iterator[Provider]:
    opened = Provider()
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def keys(*names: str) -> dict[str, object]:
    return {"keys": [{"kid": name} for name in names]}


def code(act: Callable[[], object]) -> ErrorCode:
    with pytest.raises(OnRecordError) as caught:
        act()
    return caught.value.code


def test_keys_are_asked_for_once_and_again_after_five_minutes(
    provider: Provider, clock: Clock
) -> None:
    provider.says("/keys", keys("one"))
    held = ProvidersKeys(f"{provider.url}/keys", monotonic=clock)
    assert provider.asked == []
    assert held() == held() == keys("one")
    provider.says("/keys", keys("one", "two"))
    clock.now = 299.0
    assert held() == keys("one")
    clock.now = 301.0
    assert held() == keys("one", "two")
    assert len(provider.asked) == 2


def test_a_new_key_is_found_at_once_but_strangers_do_not_make_us_ask(
    provider: Provider, clock: Clock
) -> None:
    """Law 10: a provider rotates its keys, and nobody restarts audit for it."""
    provider.says("/keys", keys("one"))
    held = ProvidersKeys(f"{provider.url}/keys", monotonic=clock)
    held()
    provider.says("/keys", keys("two"))
    assert held.newer() == keys("one")  # asked a moment ago
    clock.now = 11.0
    assert held.newer() == keys("two")
    for _ in range(50):
        held.newer()
    assert len(provider.asked) == 2


def test_a_provider_that_does_not_answer_is_believed_for_an_hour(
    provider: Provider, clock: Clock
) -> None:
    """Law 4: then everything is refused; a withdrawn key does not live on."""
    provider.says("/keys", keys("one"))
    held = ProvidersKeys(f"{provider.url}/keys", monotonic=clock)
    held()
    provider.answers["/keys"] = (500, b"")
    clock.now = 3599.0
    assert held() == keys("one")
    clock.now = 3611.0
    assert code(held) is ErrorCode.IDENTITY_UNAVAILABLE
    provider.says("/keys", keys("two"))
    clock.now = 3622.0
    assert held() == keys("two")


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"not JSON"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"keys": 1}'),
        (200, b" " * (1 << 20) + b'{"keys": []}'),
        (302, b""),
        (404, b""),
    ],
    ids=["text", "list", "empty", "number", "long", "elsewhere", "missing"],
)
def test_what_is_no_key_set_is_none(
    provider: Provider, clock: Clock, answer: tuple[int, bytes]
) -> None:
    provider.says("/elsewhere", keys("theirs"))
    provider.answers["/keys"] = answer
    held = ProvidersKeys(f"{provider.url}/keys", monotonic=clock)
    assert code(held) is ErrorCode.IDENTITY_UNAVAILABLE
    assert "/elsewhere" not in provider.asked


def test_the_provider_says_where_its_keys_are(provider: Provider) -> None:
    document = "/.well-known/openid-configuration"
    provider.says("/certs", keys("one"))
    provider.says(document, {"issuer": provider.url, "jwks_uri": f"{provider.url}/certs"})
    assert open_key_set("discover", provider.url)() == keys("one")
    provider.says(document, {"issuer": "https://other", "jwks_uri": f"{provider.url}/certs"})
    assert code(open_key_set("discover", provider.url)) is ErrorCode.IDENTITY_UNAVAILABLE
    provider.says(document, {"issuer": provider.url, "jwks_uri": "http://example.org/certs"})
    assert code(open_key_set("discover", provider.url)) is ErrorCode.IDENTITY_UNAVAILABLE


@pytest.mark.parametrize("place", ["http://example.org/keys", "ftp://127.0.0.1/x", "https://"])
def test_keys_are_asked_for_over_https_alone(place: str) -> None:
    assert code(lambda: open_key_set(place, "idp")) is ErrorCode.SETTINGS_INVALID


def test_a_file_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(keys("one")))
    held = open_key_set(str(path), "idp")
    assert isinstance(held, KeySetFile)
    assert held() == held.newer() == keys("one")
