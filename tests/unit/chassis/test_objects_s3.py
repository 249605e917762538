"""What S3 says, as our own errors (law 4): of a server that says what the test wants it to."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from onrecord.chassis.objects import ObjectAccess, ObjectStore, open_objects
from onrecord.kernel.errors import ErrorCode, OnRecordError

WITH_507 = "507/a507"
"""A key in which the status "no room" stands, as it may in any address or number of a request."""
ASKING: dict[str, Callable[[ObjectStore], object]] = {
    "put": lambda store: store.put(WITH_507, b"x"),
    "get": lambda store: store.get(WITH_507),
    "exists": lambda store: store.exists(WITH_507),
    "delete": lambda store: store.delete(WITH_507),
    "keys": lambda store: list(store.keys("507")),
}


@dataclass
class Says:
    """What the server answers to everything."""

    status: int = 200
    body: bytes = b""
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def says() -> Says:
    return Says()


@pytest.fixture
def store(says: Says) -> Iterator[ObjectStore]:
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            says.asked.append(self.command)
            self.send_response(says.status)
            self.send_header("content-length", str(len(says.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(says.body)

        do_GET = do_HEAD = do_POST = do_DELETE = do_PUT  # noqa: N815 - http.server names them

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    yield open_objects("s3://a-bucket/507", ObjectAccess(endpoint, access_key="a", secret_key="b"))
    server.shutdown()
    server.server_close()


def told(code: str, message: str = "") -> bytes:
    return (
        f"<Error><Code>{code}</Code><Message>{message}</Message>"
        f"<Resource>/507/QuotaExceeded</Resource><RequestId>A507</RequestId></Error>"
    ).encode()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (301, b""),
        (400, told("AuthorizationHeaderMalformed")),
        (401, b"507"),
        (403, told("SignatureDoesNotMatch")),
        (404, told("NoSuchBucket", "The bucket a-507 is not there")),
        (409, told("OperationAborted")),
        (503, told("SlowDown")),
    ],
    ids=["moved", "malformed", "unknown", "forbidden", "no-bucket", "busy", "slow"],
)
@pytest.mark.parametrize("asking", ASKING)
def test_a_store_that_refuses_is_away_whatever_it_was_asked(
    says: Says, store: ObjectStore, asking: str, status: int, body: bytes
) -> None:
    """It is neither full, whatever digits its message has, nor without that object."""
    says.status, says.body = status, body
    with pytest.raises(OnRecordError) as refused:
        ASKING[asking](store)
    assert refused.value.code is ErrorCode.OBJECTS_UNAVAILABLE
    assert says.asked


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (507, b""),
        (400, told("QuotaExceeded")),
        (500, told("InternalError", "write /objects/a: no space left on device")),
    ],
    ids=["status", "quota", "disk"],
)
def test_a_store_without_room_says_so(
    says: Says, store: ObjectStore, status: int, body: bytes
) -> None:
    says.status, says.body = status, body
    with pytest.raises(OnRecordError) as refused:
        store.put(WITH_507, b"x")
    assert refused.value.code is ErrorCode.STORAGE_FULL


def test_what_is_not_there_is_not_found(says: Says, store: ObjectStore) -> None:
    says.status, says.body = 404, told("NoSuchKey")
    with pytest.raises(OnRecordError) as refused:
        store.get(WITH_507)
    assert refused.value.code is ErrorCode.NOT_FOUND
    assert not store.exists(WITH_507)
