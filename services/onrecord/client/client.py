"""Every operation of the API as a method."""

import json
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from onrecord.client import results
from onrecord.client.galleries import GalleryOperations
from onrecord.client.transport import Token, Transport

_IMAGE = "application/octet-stream"  # the gateway goes by content, not by what a client says


class OnRecordClient(GalleryOperations):
    """Calls one gateway. `token` is a bearer token, or gives a fresh one; None for the public part.

    Every method raises `ClientError`. Give `http` to set time limits, proxies or certificates.
    """

    def __init__(
        self, base_url: str, token: Token = None, http: httpx.Client | None = None
    ) -> None:
        self._transport = Transport(base_url, token, http)

    def __enter__(self) -> "OnRecordClient":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    # Investigators

    def search(
        self, request: Mapping[str, Any], probe: bytes, *, idempotency_key: str
    ) -> results.Search:
        """Search with one probe (an encoded image). Repeat it with the same key after a failure."""
        said = self._transport.call(
            "POST",
            "/v1/searches",
            headers={"Idempotency-Key": idempotency_key},
            files={
                "request": ("request.json", json.dumps(request).encode(), "application/json"),
                "probe": ("probe", probe, _IMAGE),
            },
        )
        return results.Search.read(said.json())

    def get_search(self, search_id: str) -> results.Search:
        """How far a search is; for its requester alone."""
        return results.Search.read(self._get(f"/v1/searches/{_part(search_id)}"))

    def searches(self) -> Iterator[results.Search]:
        """The caller's own searches."""
        for one in self._pages("/v1/searches", "searches"):
            yield results.Search.read(one)

    def leads(self, search_id: str) -> results.Leads:
        """INVESTIGATIVE LEAD ONLY; once two examiners have agreed."""
        return results.Leads.read(self._get(f"/v1/searches/{_part(search_id)}/leads"))

    def follow_up(self, search_id: str, instrument: Mapping[str, str]) -> results.Logged:
        """Name the instrument obtained after an emergency search: type, issuer, number, date."""
        path = f"/v1/searches/{_part(search_id)}/emergency/follow-up"
        said = self._transport.call("POST", path, json={"instrument": dict(instrument)})
        return results.Logged(said.json()["entry_index"])

    def lift_suspension(self, search_id: str, gallery: str, reason: str) -> results.Logged:
        """End the suspension that an overdue follow-up brought: custodians and auditors."""
        path = f"/v1/searches/{_part(search_id)}/emergency/lift"
        said = self._transport.call("POST", path, json={"gallery": gallery, "reason": reason})
        return results.Logged(said.json()["entry_index"])

    # Examiners

    def join_examiners(self) -> results.Examiner:
        """Enter the pool from which examiners are drawn."""
        return results.Examiner.read(self._transport.call("PUT", "/v1/examiners/me").json())

    def tasks(self) -> tuple[results.TaskSummary, ...]:
        """The caller's own tasks."""
        return tuple(results.TaskSummary.read(one) for one in self._pages("/v1/tasks", "tasks"))

    def task(self, task_id: str) -> results.Task:
        return results.Task.read(self._get(f"/v1/tasks/{_part(task_id)}"))

    def probe(self, task_id: str) -> bytes:
        """Look at the probe (an encoded image). Every call is a look, and every look an entry."""
        return self._transport.call("GET", f"/v1/tasks/{_part(task_id)}/probe").content

    def portrait(self, task_id: str, candidate_ref: str) -> bytes:
        """Look at a candidate's portrait (an encoded image)."""
        path = f"/v1/tasks/{_part(task_id)}/candidates/{_part(candidate_ref)}/portrait"
        return self._transport.call("GET", path).content

    def decide(
        self, task_id: str, method: str, decisions: Sequence[results.Decision]
    ) -> results.Logged:
        """Decide on every candidate, once."""
        sent = {"method": method, "decisions": [one.to_json() for one in decisions]}
        path = f"/v1/tasks/{_part(task_id)}/decision"
        return results.Logged(self._transport.call("POST", path, json=sent).json()["entry_index"])

    # Operators and custodians

    def create_gallery(
        self, gallery: str, *, model_id: str, authority_key: str
    ) -> results.GalleryInfo:
        """Create a state's gallery, pinning its first authority key (a C2SP verifier key)."""
        sent = {"model_id": model_id, "authority_key": authority_key}
        said = self._transport.call("PUT", f"/v1/galleries/{_part(gallery)}", json=sent)
        return results.GalleryInfo.read(said.json())

    def activate_policy(self, gallery: str, bundle: Mapping[str, str]) -> results.Logged:
        """Put a signed bundle in force: what `AuthorityBundle.to_json` of `proof` gives."""
        path = f"/v1/galleries/{_part(gallery)}/policy"
        said = self._transport.call("POST", path, json=dict(bundle))
        return results.Logged(said.json()["entry_index"])

    def galleries(self) -> tuple[results.GalleryInfo, ...]:
        said = self._get("/v1/galleries")
        return tuple(results.GalleryInfo.read(one) for one in said["galleries"])

    def events(self, after: int = 0, *, wait: int = 0) -> results.EventPage:
        """What has changed of the caller's own since; waits `wait` seconds for the first."""
        params = {"after": after, "wait": wait}
        said = self._transport.call("GET", "/v1/events", params=params).json()
        return results.EventPage.read(said)

    # Auditors and the public

    def policies(self) -> tuple[results.Policy, ...]:
        """The policies in force; public."""
        return tuple(results.Policy.read(one) for one in self._get("/v1/policies")["policies"])

    def checkpoint(self) -> str:
        """The ledger's newest published checkpoint (a signed note); public."""
        return self._transport.call("GET", "/ledger/checkpoint").text

    def tile(self, path: str) -> bytes:
        """A published object by its path, such as `tile/0/000.p/17`; public."""
        return self._transport.call("GET", f"/ledger/{quote(path)}").content

    def bodies(self, after: int = 0) -> Iterator[results.Body]:
        """Every entry's body with its nonce, from index `after` on; for auditors."""
        for one in self._pages("/v1/ledger/bodies", "bodies", after):
            yield results.Body.read(one)

    def _get(self, path: str) -> Any:
        return self._transport.call("GET", path).json()

    def _pages(self, path: str, name: str, after: str | int = "") -> Iterator[Any]:
        return self._transport.pages(path, name, after, {})


def _part(text: str) -> str:
    return quote(text, safe="")
