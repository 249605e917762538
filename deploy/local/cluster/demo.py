"""The demo's scenario on a cluster that runs."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.cluster.folder import ClusterFolder
from deploy.local.cluster.standing import Standing
from onrecord.chassis.certificates import LocalAuthority
from onrecord.chassis.grpc import open_channel
from onrecord.cli.demo import cast
from onrecord.cli.demo.house import TokenIssuer
from onrecord.client import OnRecordClient
from onrecord.client.results import Body
from onrecord.clients.vector_search import PlaneClient
from onrecord.contracts.vector_search import Plane
from onrecord.kernel.vocabulary import Service
from onrecord.proof.checkpoint import open_checkpoint
from onrecord.proof.notes import NoteVerifier
from onrecord.proof.tiles import CHECKPOINT_PATH, objects_of
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.plan import TWO_PLANES

_PUBLISHED_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.2


class SeenBeforeError(Exception):
    """The demo has taken place on this cluster: its states' keys are pinned, and gone."""


@dataclass(frozen=True, slots=True)
class ClusterHouse:
    """`House`. It is neither started nor stopped."""

    folder: ClusterFolder
    standing: Standing
    issuer: TokenIssuer

    @property
    def how(self) -> str:
        return "looking for the cluster"

    @property
    def over(self) -> str:
        return "The story is over"

    @property
    def intrusion(self) -> str:
        return "calls the plane with the gateway's own certificate"

    @property
    def keys(self) -> DataFolder:
        return self.folder.services

    @property
    def address(self) -> str:
        return self.standing.gateways[0]

    def refuse_again(self) -> None:
        """Raises SeenBeforeError."""
        with self._client(cast.OPERATOR) as operator:
            if {one.gallery for one in operator.galleries()} & set(cast.STATES):
                raise SeenBeforeError(
                    "the demo has been on this cluster; it wants one without galleries"
                )

    @contextmanager
    def opened(self) -> Iterator[str]:
        """Raises SeenBeforeError."""
        self.refuse_again()
        yield self.address

    def public_ledger(self, size: int, target: Path) -> Sequence[Body]:
        key = NoteVerifier.parse(self.keys.public_ledger_key.read_text("utf-8").strip())
        until = time.monotonic() + _PUBLISHED_SECONDS
        with OnRecordClient(self.address) as public:
            while True:
                note = public.checkpoint()
                published = open_checkpoint(note, key).checkpoint.size
                if published >= size:
                    break
                if time.monotonic() > until:
                    raise TimeoutError(f"{size} entries, of which {published} were published")
                time.sleep(_POLL_SECONDS)
            for one in objects_of(published):
                _write(target / one.path, public.tile(one.path))
            _write(target / CHECKPOINT_PATH, note.encode())
        with self._client(cast.AUDITOR) as auditor:
            return [one for one in auditor.bodies(size) if one.index < published]

    @contextmanager
    def broken_into(self, gallery: str) -> Iterator[Plane]:
        own = [one.name for one in TWO_PLANES if gallery in one.galleries]
        process = f"vector-search-{own[0] if own else TWO_PLANES[0].name}"
        at = [one.called_at for one in self.standing.rows if one.name.startswith(process)]
        identity = LocalAuthority.open(self.keys.certificates).issue(Service.GATEWAY, "intruder")
        with open_channel(f"ipv4:{','.join(at)}", identity, Service.VECTOR_SEARCH) as channel:
            yield PlaneClient(channel)

    def _client(self, who: cast.Person) -> OnRecordClient:
        return OnRecordClient(self.address, cast.token_source(self.issuer, who))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
