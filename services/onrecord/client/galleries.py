"""Custodians' and operators' operations: records, lists, deletions, what nobody could work on."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from onrecord.client import results
from onrecord.client.transport import Transport

_IMAGE = "application/octet-stream"  # the gateway goes by content, not by what a client says


class GalleryOperations:
    """Part of `OnRecordClient`. Every method raises `ClientError`."""

    _transport: Transport

    def enrol(
        self, gallery: str, record_id: str, portrait: bytes, *, wait: int = 30
    ) -> results.Enrolment:
        """Bring one portrait (an encoded image) for the state's own id, and wait at most `wait`
        seconds until it can be found. A portrait that is rejected meanwhile raises, status 422.
        """
        said = self._transport.call(
            "PUT",
            _record(gallery, record_id),
            headers={"Prefer": f"wait={wait}"} if wait else None,
            files={"portrait": ("portrait", portrait, _IMAGE)},
        )
        return results.Enrolment.read(said.json())

    def enrolment(self, gallery: str, enrolment_id: str) -> results.Enrolment:
        """How far one portrait is."""
        path = f"{_gallery(gallery)}/enrolments/{_part(enrolment_id)}"
        return results.Enrolment.read(self._transport.call("GET", path).json())

    def delete_record(self, gallery: str, record_id: str) -> results.Deletion:
        """Gone when it returns; repeated, the same receipt."""
        said = self._transport.call("DELETE", _record(gallery, record_id))
        return results.Deletion.read(said.json())

    def deletion(self, gallery: str, record_id: str) -> results.Deletion:
        """The receipt as it stands: what has come true since."""
        said = self._transport.call("GET", _record(gallery, record_id) + "/deletion")
        return results.Deletion.read(said.json())

    def check_gallery(self, gallery: str, *, repair: bool = False) -> results.Check:
        """Whether roster, index and vault agree; made to agree where that is asked."""
        params = {"repair": "true"} if repair else None
        said = self._transport.call("GET", _gallery(gallery) + "/check", params=params)
        return results.Check.read(said.json())

    def remove_unknown_portraits(self, gallery: str, count: int) -> results.Check:
        """Destroy the sealed portraits of no known enrolment, if there are `count` of them."""
        path = _gallery(gallery) + "/unknown-portraits"
        said = self._transport.call("DELETE", path, params={"count": str(count)})
        return results.Check.read(said.json())

    def open_manifest(self, gallery: str, header: bytes, signature: str) -> results.Manifest:
        """Take up a list that the state has signed; repeatable."""
        sent = {"header": base64.b64encode(header).decode("ascii"), "signature": signature}
        said = self._transport.call("POST", _gallery(gallery) + "/manifests", json=sent)
        return results.Manifest.read(said.json())

    def manifest(self, gallery: str, manifest_id: str) -> results.Manifest:
        return results.Manifest.read(
            self._transport.call("GET", _manifest(gallery, manifest_id)).json()
        )

    def put_chunk(
        self, gallery: str, manifest_id: str, chunk: int, rows: Iterable[tuple[str, str, str]]
    ) -> results.Chunk:
        """The rows of one chunk, in order: record id, SHA-256 of the image, path."""
        lines = "".join(
            json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows
        )
        said = self._transport.call(
            "PUT",
            f"{_manifest(gallery, manifest_id)}/chunks/{chunk}",
            headers={"Content-Type": "application/x-ndjson"},
            content=lines.encode("utf-8"),
        )
        return results.Chunk.read(said.json())

    def bring_portraits(
        self,
        gallery: str,
        manifest_id: str,
        chunk: int,
        portraits: Mapping[int, bytes],
        problems: Mapping[int, str],
    ) -> tuple[results.RowOutcome, ...]:
        """Portraits (encoded images) by row number, and why other rows have none."""
        said = {str(row): code for row, code in problems.items()}
        files = {"problems": ("problems.json", json.dumps(said).encode(), "application/json")}
        for row, image in portraits.items():
            files[str(row)] = (str(row), image, _IMAGE)
        path = f"{_manifest(gallery, manifest_id)}/chunks/{chunk}/portraits"
        answered = self._transport.call("POST", path, files=files).json()
        return tuple(results.RowOutcome.read(one) for one in answered["rows"])

    def manifest_rows(
        self,
        gallery: str,
        manifest_id: str,
        chunk: int,
        statuses: Sequence[str] = (),
        *,
        duplicates: bool = False,
    ) -> Iterator[results.ManifestRow]:
        """Rows of a chunk in these states, or its duplicates."""
        params: dict[str, Any] = {"chunk": chunk, "status": list(statuses)}
        if duplicates:
            params = {"chunk": chunk, "duplicates": "true"}
        path = _manifest(gallery, manifest_id) + "/rows"
        for one in self._transport.pages(path, "rows", 0, params):
            yield results.ManifestRow.read(one)

    def dead_letters(self, gallery: str | None = None) -> Iterator[results.DeadLetter]:
        """What nobody could work on: of one gallery, or of all."""
        params = {} if gallery is None else {"gallery": gallery}
        for one in self._transport.pages("/v1/dead-letters", "dead_letters", 0, params):
            yield results.DeadLetter.read(one)

    def explain_dead_letter(self, letter_id: int) -> results.Explained:
        said = self._transport.call("GET", f"/v1/dead-letters/{letter_id}").json()
        return results.Explained.read(said)

    def redrive(
        self, letters: Sequence[int] = (), *, gallery: str | None = None, after: int = 0
    ) -> tuple[results.Sent, ...]:
        """Send these on again, or those of a gallery that wait: a page of them, above `after`."""
        page = {"gallery": gallery, "after": after}
        sent: dict[str, Any] = {"letters": list(letters)} if letters else page
        said = self._transport.call("POST", "/v1/dead-letters/redrive", json=sent).json()
        return tuple(results.Sent.read(one) for one in said["sent"])


def _gallery(gallery: str) -> str:
    return f"/v1/galleries/{_part(gallery)}"


def _record(gallery: str, record_id: str) -> str:
    return f"{_gallery(gallery)}/records/{_part(record_id)}"


def _manifest(gallery: str, manifest_id: str) -> str:
    return f"{_gallery(gallery)}/manifests/{_part(manifest_id)}"


def _part(text: str) -> str:
    return quote(text, safe="")
