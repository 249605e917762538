"""R-42: lists a state has signed, brought a chunk at a time, stopped, gone on with, refused."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from httpx import Response

from onrecord.kernel.vocabulary import ManifestAct, Role
from onrecord.proof.authority import key_name
from onrecord.proof.manifests import ManifestHeader, Row, chunk_root, manifest_id, sign_manifest
from onrecord.proof.notes import NoteSigner
from tests.builders.gateway import Office, build_office
from tests.builders.gateway_services import BLURRED


def portrait(number: int) -> bytes:
    return b"\xff\xd8\xffportrait %d" % number


def row(number: int, record_id: str | None = None, image: bytes | None = None) -> Row:
    digest = hashlib.sha256(portrait(number) if image is None else image).hexdigest()
    return Row(record_id or f"UT-{number:03d}", digest, f"{number}.jpg")


class Listed:
    """A signed list of a gallery, and the calls that bring it."""

    def __init__(
        self,
        office: Office,
        rows: list[Row],
        *,
        gallery: str = "US-UT",
        act: ManifestAct = ManifestAct.ENROL,
        chunk_rows: int = 4,
        signer: NoteSigner | None = None,
    ) -> None:
        self.office = office
        self.gallery = gallery
        self.chunks = [rows[at : at + chunk_rows] for at in range(0, len(rows), chunk_rows)]
        roots = tuple(chunk_root(chunk) for chunk in self.chunks)
        created = datetime(2026, 11, 23, tzinfo=UTC)
        header = ManifestHeader(gallery, act, created, len(rows), chunk_rows, roots)
        self.header = header.encode()
        self.signature = sign_manifest(header, signer or office.plane.authority(gallery))
        self.identity = manifest_id(self.header)
        self.path = f"/v1/galleries/{gallery}/manifests"

    @property
    def headers(self) -> dict[str, str]:
        return self.office.bearer("cora", Role.CUSTODIAN, gallery=self.gallery)

    def open(self, path: str | None = None, **changes: Any) -> Response:
        sent = {
            "header": base64.b64encode(self.header).decode(),
            "signature": self.signature,
            **changes,
        }
        answer: Response = self.office.http.post(path or self.path, json=sent, headers=self.headers)
        return answer

    def put(self, chunk: int, rows: list[Row] | None = None) -> Response:
        listed = self.chunks[chunk] if rows is None else rows
        lines = "\n".join(json.dumps([one.record_id, one.image_sha256, one.path]) for one in listed)
        answer: Response = self.office.http.put(
            f"{self.path}/{self.identity}/chunks/{chunk}",
            content=lines.encode(),
            headers=self.headers,
        )
        return answer

    def bring(
        self, chunk: int, portraits: dict[int, bytes], problems: dict[int, str] | None = None
    ) -> Response:
        files: dict[str, Any] = {
            str(number): (f"{number}.jpg", image, "image/jpeg")
            for number, image in portraits.items()
        }
        if problems is not None:
            said = {str(number): code for number, code in problems.items()}
            files["problems"] = ("p.json", json.dumps(said).encode(), "application/json")
        answer: Response = self.office.http.post(
            f"{self.path}/{self.identity}/chunks/{chunk}/portraits",
            files=files,
            headers=self.headers,
        )
        return answer

    def state(self) -> Any:
        return self.office.http.get(f"{self.path}/{self.identity}", headers=self.headers).json()

    def rows(self, **query: Any) -> Any:
        answer = self.office.http.get(
            f"{self.path}/{self.identity}/rows", params=query, headers=self.headers
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["rows"]


def problem(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_list_is_brought_chunk_by_chunk(office: Office) -> None:
    listed = Listed(office, [row(number) for number in range(1, 7)])
    opened = listed.open().json()
    assert (opened["manifest_id"], opened["complete"]) == (listed.identity, False)
    assert [one["rows"] for one in opened["chunks"]] == [4, 2]
    for chunk, numbers in ((0, range(1, 5)), (1, range(5, 7))):
        assert listed.put(chunk).json()["counts"] == {"awaited": len(numbers)}
        brought = listed.bring(chunk, {number: portrait(number) for number in numbers})
        assert [one["status"] for one in brought.json()["rows"]] == ["processing"] * len(numbers)
    said = listed.state()
    assert (said["complete"], said["counts"]) == (True, {"accepted": 6})
    held = [one.record_id for one in office.plane.records["US-UT"]]
    assert held[-6:] == [f"UT-{number:03d}" for number in range(1, 7)]


def test_nothing_readable_of_a_list_is_kept(office: Office) -> None:
    """Law 6: record ids and paths pass through; portraits stand sealed."""
    listed = Listed(office, [Row("UT-NOT-KEPT", row(1).image_sha256, "secret-path.jpg")])
    with office.at_work():
        listed.open()
        listed.put(0)
        listed.bring(0, {1: portrait(1)})
    kept = [path.read_bytes() for path in office.folder.rglob("*") if path.is_file()]
    for word in (b"UT-NOT-KEPT", b"secret-path", portrait(1)):
        assert not any(word in one for one in kept)


def test_stopped_anywhere_it_says_what_is_awaited(office: Office) -> None:
    """Resuming: the server knows; the client asks."""
    listed = Listed(office, [row(number) for number in range(1, 5)])
    listed.open()
    listed.put(0)
    listed.bring(0, {2: portrait(2)})
    assert [one["row"] for one in listed.rows(chunk=0, status="awaited")] == [1, 3, 4]
    assert listed.open().json()["counts"] == {"awaited": 3, "accepted": 1}
    again = listed.bring(0, {1: portrait(1), 2: portrait(2)}).json()["rows"]
    assert [one["status"] for one in again] == ["processing", "accepted"]
    assert len(office.plane.enrolled) == 2
    page = listed.rows(chunk=0, status=["awaited"], after=3, limit=1)
    assert [one["record_id"] for one in page] == ["UT-004"]


def test_missing_files_and_wrong_hashes_are_rejected_rows(office: Office) -> None:
    """Each with its code and row; the others go on."""
    listed = Listed(office, [row(number) for number in range(1, 5)])
    listed.open()
    listed.put(0)
    brought = listed.bring(
        0, {1: portrait(1), 2: b"another image"}, {3: "image_missing", 4: "image_hash_mismatch"}
    )
    assert [(one["row"], one["code"]) for one in brought.json()["rows"]] == [
        (1, None),
        (2, "image_hash_mismatch"),
        (3, "image_missing"),
        (4, "image_hash_mismatch"),
    ]
    rejected = listed.rows(chunk=0, status="rejected")
    assert [one["row"] for one in rejected] == [2, 3, 4]
    assert listed.state()["complete"]


def test_what_is_of_no_kind_of_image_goes_no_further(office: Office) -> None:
    """R-33, R-42: refused by its first bytes, before it is sealed, stored and sent on."""
    files = {1: portrait(1), 2: b"%PDF-1.7", 3: b"", 4: b"GIF89a moves", 5: b"\xff\xd8"}
    listed = Listed(office, [row(n, image=image) for n, image in files.items()], chunk_rows=5)
    listed.open()
    listed.put(0)
    brought = listed.bring(0, files)
    assert [one["code"] for one in brought.json()["rows"]] == [
        None,
        "image_type_unsupported",
        "image_empty",
        "image_type_unsupported",
        "image_type_unsupported",
    ]
    assert listed.state()["counts"] == {"accepted": 1, "rejected": 4}
    assert len(office.plane.enrolled) == 1
    assert len([one for one in (office.folder / "vault").rglob("*") if one.is_file()]) == 1


def test_half_of_them_are_no_images(office: Office) -> None:
    """Detection's refusals are rejects of their rows."""
    rows = [row(n, image=BLURRED if n % 2 else None) for n in range(1, 41)]
    listed = Listed(office, rows, chunk_rows=40)
    listed.open()
    listed.put(0)
    brought = {n: BLURRED if n % 2 else portrait(n) for n in range(1, 41)}
    listed.bring(0, brought)
    said = listed.state()
    assert said["counts"] == {"accepted": 20, "rejected": 20}
    assert said["duplicates"] == 19  # the same bytes under twenty records
    codes = {one["code"] for one in listed.rows(chunk=0, status="rejected")}
    assert codes == {"quality_sharpness"}
    assert len(listed.rows(chunk=0, duplicates=True)) == 19


def test_rows_far_apart_are_all_brought(office: Office) -> None:
    """The plane hands out 1,000 rows at once; what is brought may be 4,096 rows apart."""
    listed = Listed(office, [row(number) for number in range(1, 4_097)], chunk_rows=4_096)
    listed.open()
    assert listed.put(0).status_code == 200
    numbers = (1, 1_000, 1_001, 2_500, 4_096)
    brought = listed.bring(0, {number: portrait(number) for number in numbers})
    assert [one["row"] for one in brought.json()["rows"]] == list(numbers)
    assert listed.state()["counts"] == {"accepted": 5, "awaited": 4_091}


def test_a_chunk_of_too_many_bytes_is_refused(office: Office) -> None:
    """Whoever signed it: it could not go on to the plane as one message."""
    listed = Listed(office, [row(1), row(2)])
    listed.open()
    listed.chunks[0] = [row(1), Row("UT-002", "0" * 64, "x" * (24 * 1024 * 1024))]
    assert problem(listed.put(0)) == (422, "field_too_long")


def test_a_row_twice_and_an_id_of_ten_kilobytes(office: Office) -> None:
    rows = [row(1), row(2, "UT-001"), row(3, "x" * 10_240), row(4)]
    listed = Listed(office, rows)
    listed.open()
    listed.put(0)
    codes = {one["row"]: one["code"] for one in listed.rows(chunk=0, status="rejected")}
    assert codes == {2: "row_duplicate", 3: "record_id_invalid"}


def test_a_bad_signature(office: Office) -> None:
    stranger = NoteSigner.generate(key_name("US-UT"))
    listed = Listed(office, [row(1)], signer=stranger)
    office.plane.authority("US-UT")
    assert problem(listed.open()) == (403, "signature_invalid")
    good = Listed(office, [row(1)])
    assert problem(good.open(signature=listed.signature))[1] == "signature_invalid"


def test_a_list_for_another_state(office: Office) -> None:
    """Law 5: not even its own custodian brings it there."""
    listed = Listed(office, [row(1)], gallery="US-VT")
    wrong = listed.open("/v1/galleries/US-UT/manifests")
    assert problem(wrong) == (403, "caller_not_allowed")
    headers = office.bearer("cora", Role.CUSTODIAN, gallery="US-UT")
    sent = {"header": base64.b64encode(listed.header).decode(), "signature": listed.signature}
    answer = office.http.post("/v1/galleries/US-UT/manifests", json=sent, headers=headers)
    assert problem(answer) == (422, "manifest_invalid")
    listed.open()
    stolen = office.http.get(f"/v1/galleries/US-UT/manifests/{listed.identity}", headers=headers)
    assert problem(stolen) == (404, "not_found")


def test_a_list_that_changed_says_which_chunk(office: Office) -> None:
    listed = Listed(office, [row(number) for number in range(1, 7)])
    listed.open()
    changed = [listed.chunks[1][0], row(6, "UT-CHANGED")]
    answer = listed.put(1, changed)
    assert problem(answer) == (409, "manifest_changed")
    assert answer.json()["details"] == {"chunk": 1}
    assert problem(listed.put(0, listed.chunks[0][:3])) == (409, "manifest_changed")


def test_portraits_before_their_rows(office: Office) -> None:
    listed = Listed(office, [row(1)])
    listed.open()
    assert problem(listed.bring(0, {1: portrait(1)})) == (409, "manifest_state")


def test_a_full_disk_while_bringing_loses_nothing(office: Office) -> None:
    """507; the same rows are awaited still, and brought again."""
    listed = Listed(office, [row(1), row(2)])
    listed.open()
    listed.put(0)
    office.plane.full = True
    assert problem(listed.bring(0, {1: portrait(1), 2: portrait(2)})) == (507, "storage_full")
    assert len(listed.rows(chunk=0, status="awaited")) == 2
    office.plane.full = False
    assert listed.bring(0, {1: portrait(1), 2: portrait(2)}).status_code == 200
    assert listed.state()["counts"] == {"accepted": 2}
    assert len(office.plane.enrolled) == 2


def test_a_list_of_deletions_is_carried_out(office: Office) -> None:
    """Law 9."""
    rows = [Row("US-UT-0", "", ""), Row("US-UT-77", "", "")]
    listed = Listed(office, rows, act=ManifestAct.DELETE)
    listed.open()
    assert listed.put(0).json()["counts"] == {"deleted": 1, "unknown": 1}
    assert len(office.plane.records["US-UT"]) == 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", (422, "field_missing")),
        (b'["a","b"]', (400, "request_malformed")),
        (b'["a","b",1]', (400, "request_malformed")),
        (b"[" * 100_000, (400, "request_malformed")),
        (b"\xff\xfe", (400, "request_malformed")),
        (b'["a","b","c"]\n' * 65_537, (422, "field_too_long")),
        (b"x" * (24 * 1024 * 1024 + 1), (422, "field_too_long")),
    ],
)
def test_rows_that_are_none(office: Office, content: bytes, expected: tuple[int, str]) -> None:
    listed = Listed(office, [row(1)])
    listed.open()
    answer = office.http.put(
        f"{listed.path}/{listed.identity}/chunks/0", content=content, headers=listed.headers
    )
    assert problem(answer) == expected


def test_more_than_a_call_may_bring(office: Office) -> None:
    listed = Listed(office, [row(number) for number in range(1, 66)], chunk_rows=65)
    listed.open()
    listed.put(0)
    many = {number: portrait(number) for number in range(1, 66)}
    assert problem(listed.bring(0, many)) == (422, "field_invalid")
    assert problem(listed.bring(0, {1: b"x" * 20_000_001})) == (413, "image_too_large")
    heavy = {1: b"x" * 19_000_000, 2: b"y" * 19_000_000}
    assert problem(listed.bring(0, heavy)) == (422, "field_too_long")
    assert problem(listed.bring(0, {1: b"x"}, {1: "image_missing"})) == (422, "field_invalid")
    assert problem(listed.bring(0, {}, {1: "quality_pose"})) == (422, "field_invalid")
    assert problem(listed.bring(0, {}, {1: "image_missing", 5000: "image_missing"})) == (
        422,
        "field_invalid",
    )
    assert office.plane.enrolled == {}


def test_custodians_of_other_galleries_see_nothing(office: Office) -> None:
    listed = Listed(office, [row(1)])
    listed.open()
    headers = office.bearer("vera", Role.CUSTODIAN, gallery="US-VT")
    for path in ("", "/rows?chunk=0"):
        answer = office.http.get(f"{listed.path}/{listed.identity}{path}", headers=headers)
        assert problem(answer) == (403, "caller_not_allowed")


def test_a_list_that_nobody_opened(office: Office) -> None:
    listed = Listed(office, [row(1)])
    assert problem(listed.put(0)) == (404, "not_found")


def test_a_restart_changes_nothing(tmp_path: Any) -> None:
    """R-22: what the gateway knows of a list is the plane's."""
    office = build_office(tmp_path)
    listed = Listed(office, [row(1), row(2)])
    listed.open()
    listed.put(0)
    listed.bring(0, {1: portrait(1)})
    listed.office = office.restarted()
    assert listed.bring(0, {2: portrait(2)}).status_code == 200
    assert listed.state()["complete"]
