"""A store keeps what it is given and lets go of it: a version that is kept is not gone (law 9)."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.unit.cli.preflight.conftest import Installed


class _Bucket(BaseHTTPRequestHandler):
    """As much of S3 as putting, heading, listing and deleting take; `version` of what is put."""

    version: str | None = None
    held: dict[str, bytes]

    def do_PUT(self) -> None:
        self.held[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, version=self.version)

    def do_POST(self) -> None:
        """Several are deleted at once."""
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = re.findall("<Key>(.*?)</Key>", asked)
        for key in keys:
            self.held.pop(f"/bucket/{key}", None)
        deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

    def do_GET(self) -> None:
        if "list-type" in self.path:
            keys = "".join(
                f"<Contents><Key>{one.removeprefix('/bucket/')}</Key><Size>1</Size>"
                "<LastModified>2026-11-23T00:00:00.000Z</LastModified></Contents>"
                for one in self.held
            )
            body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{keys}</ListBucketResult>"
            self._answer(200, body.encode())
        else:
            self._held()

    def do_HEAD(self) -> None:
        self._held()

    def _held(self) -> None:
        there = self.path in self.held
        self._answer(200 if there else 404, self.held.get(self.path, b""))

    def _answer(self, status: int, body: bytes = b"", version: str | None = None) -> None:
        self.send_response(status)
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Mon, 23 Nov 2026 00:00:00 GMT")
        self.send_header("Content-Length", str(len(body)))
        if version is not None:
            self.send_header("x-amz-version-id", version)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on the console of a test."""


@contextmanager
def bucket(version: str | None) -> Iterator[tuple[str, dict[str, bytes]]]:
    held: dict[str, bytes] = {}
    kind = type("Bucket", (_Bucket,), {"version": version, "held": held})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", held
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def look(installed: Installed, endpoint: str) -> list[dict[str, str]]:
    installed.set(
        "audit",
        {
            "ledger_objects": "s3://bucket",
            "objects_endpoint": endpoint,
            "objects_access_key": "key",
            "objects_secret_key": "secret",
        },
    )
    checks = installed.preflight("audit").checks
    return [one for one in checks if one["subject"] == "objects"]


def test_a_bucket_that_keeps_versions_is_told_and_what_was_left_in_it(
    installed: Installed,
) -> None:
    with bucket("v-17") as (endpoint, _):
        (found,) = look(installed, endpoint)
    assert found["status"] == "missing"
    assert "keeps versions (one of preflight/" in found["says"]
    assert "v-17" in found["says"]
    assert "put-bucket-versioning --bucket bucket" in found["command"]


@pytest.mark.parametrize("version", [None, "null"])
def test_a_bucket_that_says_nothing_of_versions_was_not_checked(
    installed: Installed, version: str | None
) -> None:
    """Not everything that speaks S3 says so: the command that asks is told."""
    with bucket(version) as (endpoint, held):
        versions, used = look(installed, endpoint)
        assert held == {}
    assert versions["status"] == "not checked"
    assert "get-bucket-versioning --bucket bucket" in versions["command"]
    assert (used["status"], "written, read, listed, deleted" in used["says"]) == ("ok", True)


def test_a_folder_is_left_as_it_was_found(installed: Installed, tmp_path: Path) -> None:
    ingest = tmp_path / "ingest"
    (ingest / "vault").mkdir(parents=True)
    (ingest / "vault" / "portrait").write_bytes(b"sealed")
    installed.set("vector-search", {"vault": str(ingest), "ingest": str(ingest), "milvus": "/no/x"})
    checks = installed.preflight("vector-search").checks
    found = [one for one in checks if one["subject"] == "objects"]
    assert [one["status"] for one in found] == ["ok"] * 4
    assert sorted(ingest.rglob("*")) == [ingest / "vault", ingest / "vault" / "portrait"]
