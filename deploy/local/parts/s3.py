"""An S3 gateway over a folder: Versity's, built with Go."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deploy.local.asking import says_ok
from deploy.local.part import Launch, Place, Say
from deploy.local.registries import go
from deploy.local.tools import folder_of, once
from onrecord.chassis.objects.buckets import make_bucket
from onrecord.chassis.objects.opening import ObjectAccess

_MODULE: Final = "github.com/versity/versitygw/cmd/versitygw"
_HEALTH: Final = "/onrecord-health"


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
        """The buckets. Raises OBJECTS_UNAVAILABLE where one is refused."""
        access = ObjectAccess(
            self.endpoint(place), self.region, self.access_key(place), self.secret_key(place)
        )
        for bucket in self.buckets:
            make_bucket(bucket, access, datetime.now(UTC))

    def endpoint(self, place: Place) -> str:
        return f"http://{place.at('http')}"

    def access_key(self, place: Place) -> str:
        return _secret(place.data / "access.key", 10)

    def secret_key(self, place: Place) -> str:
        return _secret(place.data / "secret.key", 24)


def _secret(path: Path, size: int) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(size))
    return path.read_text()
