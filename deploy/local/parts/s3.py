"""An S3 gateway over a folder: Versity's, built with Go."""

import hashlib
import hmac
import http.client
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deploy.local.asking import ANSWER_SECONDS, says_ok
from deploy.local.part import HOST, Launch, Place, Say
from deploy.local.registries import go
from deploy.local.tools import folder_of, once

_MODULE: Final = "github.com/versity/versitygw/cmd/versitygw"
_HEALTH: Final = "/onrecord-health"
_THERE: Final = (200, 409)
"""Made now, or by us before."""


@dataclass(frozen=True, slots=True)
class S3:
    """`Part`. `buckets` are made in it. Its keys are made once, and kept beside its data."""

    buckets: tuple[str, ...] = ()
    region: str = "us-east-1"
    name: str = "s3"
    version: str = "1.8.0"
    port_names: tuple[str, ...] = ("http",)

    def install(self, tools: Path, say: Say) -> None:
        def build(folder: Path) -> None:
            go(folder, _MODULE, f"v{self.version}")

        once(tools, "versitygw", self.version, say, "70 MB, three minutes to build", build)

    def launch(self, place: Place) -> Launch:
        objects = place.data / "objects"
        objects.mkdir(parents=True, exist_ok=True)
        program = folder_of(place.tools, "versitygw", self.version) / "versitygw"
        options = ("--port", place.at("http"), "--region", self.region, "--health", _HEALTH)
        return Launch(
            argv=(str(program), *options, "--quiet", "posix", str(objects)),
            cwd=place.data,
            env={
                "ROOT_ACCESS_KEY": self.access_key(place),
                "ROOT_SECRET_KEY": self.secret_key(place),
            },
        )

    def ready(self, place: Place) -> bool:
        return says_ok(place.at("http"), _HEALTH)

    def settle(self, place: Place) -> None:
        """The buckets. Raises OSError where one is refused."""
        for bucket in self.buckets:
            self._make(bucket, place)

    def endpoint(self, place: Place) -> str:
        return f"http://{place.at('http')}"

    def access_key(self, place: Place) -> str:
        return _secret(place.data / "access.key", 10)

    def secret_key(self, place: Place) -> str:
        return _secret(place.data / "secret.key", 24)

    def _make(self, bucket: str, place: Place) -> None:
        connection = http.client.HTTPConnection(place.at("http"), timeout=ANSWER_SECONDS)
        try:
            connection.request("PUT", f"/{bucket}", headers=self._signed(bucket, place))
            answer = connection.getresponse()
            said = answer.read(1000)
        finally:
            connection.close()
        if answer.status not in _THERE:
            raise OSError(f"the bucket {bucket} was refused ({answer.status}): {said!r}")

    def _signed(self, bucket: str, place: Place) -> dict[str, str]:
        """AWS Signature Version 4, of a `PUT /bucket` that has no body."""
        host = f"{HOST}:{place.ports['http']}"
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        empty = hashlib.sha256(b"").hexdigest()
        headers = {"host": host, "x-amz-content-sha256": empty, "x-amz-date": now}
        names = ";".join(headers)
        listed = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = f"PUT\n/{bucket}\n\n{listed}\n{names}\n{empty}"
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        digest = hashlib.sha256(request.encode()).hexdigest()
        key = f"AWS4{self.secret_key(place)}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        who = f"Credential={self.access_key(place)}/{scope}"
        return {
            **headers,
            "authorization": f"AWS4-HMAC-SHA256 {who},SignedHeaders={names},Signature={signature}",
        }


def _secret(path: Path, size: int) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(size))
    return path.read_text()
