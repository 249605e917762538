"""`onrecord gallery` and `dlq` against a gateway on a real socket, over the fakes behind it."""

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from onrecord.chassis.bus.ports import Message
from onrecord.cli.dlq import dlq
from onrecord.cli.gallery import gallery
from onrecord.cli.gallery.batches import Awaited, awaited_rows, grouped, loaded
from onrecord.cli.gallery.bringing import Bringer, Pace, Stuck
from onrecord.cli.gallery.progress import Progress, duration
from onrecord.client import ClientError, OnRecordClient
from onrecord.contracts import events
from onrecord.contracts.events import DeadLetter
from onrecord.events.messages import dead_letter_message
from onrecord.gateway.http.part import HttpPart, listening
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import ManifestAct, Role
from onrecord.manifests.reading import open_list
from onrecord.manifests.signing import read_signed
from onrecord.proof.manifests import Row, read_header
from tests.builders.gateway import Office, build_office
from tests.builders.gateway_services import BLURRED


@dataclass(slots=True)
class Desk:
    """A gateway that answers on a socket, and a custodian's folder."""

    office: Office
    url: str
    folder: Path

    def run(self, *words: str, role: Role = Role.CUSTODIAN, command: Any = gallery) -> Result:
        claims = {"gallery": "US-UT"} if role is Role.CUSTODIAN else {}
        token = self.office.token("cora", role, **claims)
        access = ["--url", self.url, "--token", token]
        return CliRunner().invoke(command, [*words, *access], catch_exceptions=True)

    def key(self, name: str = "US-UT") -> Path:
        path = self.folder / f"{name}.key"
        path.write_text(self.office.plane.authority(name).text + "\n", "utf-8")
        return path

    def images(self, count: int) -> Path:
        folder = self.folder / "images"
        folder.mkdir(exist_ok=True)
        for number in range(1, count + 1):
            (folder / f"{number}.jpg").write_bytes(b"\xff\xd8\xffportrait %d" % number)
        return folder

    def listed(self, count: int, name: str = "list.csv") -> Path:
        """A list of the folder's images."""
        folder, path = self.images(count), self.folder / name
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(("record_id", "image_sha256", "path"))
            for number in range(1, count + 1):
                image = (folder / f"{number}.jpg").read_bytes()
                digest = hashlib.sha256(image).hexdigest()
                table.writerow((f"UT-{number:04d}", digest, f"{number}.jpg"))
        return path

    def signed(self, path: Path, *words: str) -> Path:
        key = str(self.key())
        said = CliRunner().invoke(
            gallery, ["sign", str(path), "--gallery", "US-UT", "--key", key, *words]
        )
        assert said.exit_code == 0, said.output
        return path.with_name(path.name + ".manifest.json")

    def enrol(self, manifest: Path, *words: str) -> Result:
        images = str(self.folder / "images")
        return self.run("enrol", str(manifest), "--images", images, *words)

    def client(self) -> OnRecordClient:
        token = self.office.token("cora", Role.CUSTODIAN, gallery="US-UT")
        return OnRecordClient(self.url, token)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    office = build_office(tmp_path / "office")
    bound: list[int] = []
    part = HttpPart(office.gateway.app, listening("127.0.0.1", 0), 2.0, bound.append)
    part.start()
    yield Desk(office, f"http://127.0.0.1:{bound[0]}", tmp_path)
    part.ask_to_stop()
    assert part.wait(10)


def test_a_list_is_signed_and_enrolled(desk: Desk) -> None:
    """R-42: from a CSV to live records, with what it came to."""
    manifest = desk.signed(desk.listed(150), "--chunk-rows", "60")
    done = desk.enrol(manifest)
    assert done.exit_code == 0, done.output
    assert "150 of 150 rows (100 %)" in done.output
    assert "150 accepted" in done.output
    assert len(desk.office.plane.records["US-UT"]) == 153
    assert "live now" not in done.output
    desk.run("delete", "UT-0007", "--gallery", "US-UT")
    again = desk.enrol(manifest)
    assert again.exit_code == 0
    assert "150 accepted\nOf those accepted then, 149 are live now." in again.output
    assert len(desk.office.plane.enrolled) == 150


def test_rejects_are_told_by_reason_with_their_rows(desk: Desk) -> None:
    path = desk.listed(8)
    (desk.folder / "images" / "2.jpg").unlink()
    (desk.folder / "images" / "3.jpg").write_bytes(b"changed since")
    (desk.folder / "images" / "4.jpg").write_bytes(BLURRED)
    lines = path.read_text("utf-8").splitlines()
    lines[4] = f"UT-0004,{hashlib.sha256(BLURRED).hexdigest()},4.jpg"
    lines[5] = lines[1].replace("UT-0001", "UT-0005")  # the same image, another record
    lines[6] = lines[1]  # the same record again
    path.write_text("\n".join(lines) + "\n", "utf-8")
    done = desk.enrol(desk.signed(path))
    assert done.exit_code == 0, done.output
    with (desk.folder / "list.csv.rejected.csv").open(encoding="utf-8") as file:
        rejected = {int(one["row"]): one["code"] for one in csv.DictReader(file)}
    assert rejected == {
        2: "image_missing",
        3: "image_hash_mismatch",
        4: "quality_sharpness",
        6: "row_duplicate",
    }
    for code in rejected.values():
        assert code in done.output
    with (desk.folder / "list.csv.duplicates.csv").open(encoding="utf-8") as file:
        assert [one["row"] for one in csv.DictReader(file)] == ["5"]


def test_stopped_and_started_again_it_goes_on(desk: Desk) -> None:
    """Whatever was brought is not brought again."""
    path = desk.listed(100)
    manifest = desk.signed(path, "--chunk-rows", "50")
    signed = read_signed(path)

    class Cut(Exception):  # noqa: N818
        pass

    calls = 0

    def cut(seconds: float) -> None:
        raise Cut

    class Client(OnRecordClient):
        def bring_portraits(self, *args: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise Cut
            return super().bring_portraits(*args, **named)

    token = desk.office.token("cora", Role.CUSTODIAN, gallery="US-UT")
    with pytest.raises(Cut):
        Bringer(
            client=Client(desk.url, token),
            signed=signed,
            header=read_header(signed.header),
            source=open_list(path, ManifestAct.ENROL),
            images=desk.folder / "images",
            pace=Pace(workers=1),
            told=lambda _: None,
            pause=cut,
        ).run()
    before = len(desk.office.plane.enrolled)
    assert 0 < before < 100
    done = desk.enrol(manifest)
    assert done.exit_code == 0, done.output
    assert len(desk.office.plane.enrolled) == 100


def test_a_list_that_changed_between_two_runs_says_which_chunk(desk: Desk) -> None:
    path = desk.listed(9)
    manifest = desk.signed(path, "--chunk-rows", "3")
    lines = path.read_text("utf-8").splitlines()
    lines[5] = lines[5].replace("UT-0005", "UT-9999")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    done = desk.enrol(manifest)
    assert isinstance(done.exception, OnRecordError)
    assert done.exception.code is ErrorCode.MANIFEST_CHANGED
    assert done.exception.details == {"chunk": 1}


def test_a_list_signed_by_another_key_is_refused(desk: Desk) -> None:
    path = desk.listed(2)
    manifest = desk.signed(path)
    desk.office.plane.authorities.clear()
    desk.office.plane.authority("US-UT")
    done = desk.enrol(manifest)
    assert done.exit_code == 1
    assert "signature_invalid" in done.output


def test_the_wrong_keys_list_is_not_signed(desk: Desk) -> None:
    path, key = desk.listed(1), desk.key("US-VT")
    said = CliRunner().invoke(gallery, ["sign", str(path), "--gallery", "US-UT", "--key", str(key)])
    assert said.exit_code == 2
    assert "US-VT" in said.output


def test_a_token_for_another_gallery_is_refused(desk: Desk) -> None:
    manifest = desk.signed(desk.listed(1))
    token = desk.office.token("vera", Role.CUSTODIAN, gallery="US-VT")
    images = str(desk.folder / "images")
    words = ["enrol", str(manifest), "--images", images, "--url", desk.url, "--token", token]
    done = CliRunner().invoke(gallery, words)
    assert done.exit_code == 1
    assert "caller_not_allowed" in done.output


def test_one_record_and_a_list_are_deleted(desk: Desk) -> None:
    """Law 9, with the three times; the list is told row by row."""
    one = desk.run("delete", "US-UT-0", "--gallery", "US-UT")
    assert one.exit_code == 0, one.output
    assert "vectors compacted     not yet" in one.output
    path = desk.folder / "gone.csv"
    path.write_text("record_id\nUS-UT-1\nUS-UT-77\n", "utf-8")
    manifest = desk.signed(path, "--act", "delete")
    done = desk.run("delete", "--list", str(manifest))
    assert done.exit_code == 0, done.output
    assert "1 deleted, 1 unknown" in done.output
    assert [one.record_id for one in desk.office.plane.records["US-UT"]] == ["US-UT-2"]
    desk.images(1)
    assert "signed to delete" in desk.enrol(manifest).output


def test_galleries_are_listed_shown_and_verified(desk: Desk) -> None:
    listed = desk.run("list")
    assert [line[:5] for line in listed.output.splitlines()] == ["US-MD", "US-UT", "US-VT"]
    assert "3 records" in desk.run("show", "US-UT").output
    assert desk.run("show", "US-NV").exit_code == 1
    checked = desk.run("verify", "US-UT")
    assert checked.exit_code == 1
    assert "live without a vector   1" in checked.output
    assert desk.run("verify", "US-UT", "--repair").exit_code == 0
    assert "portraits of no record  2" in checked.output
    assert "--remove-unknown 2" in checked.output
    assert desk.run("verify", "US-UT", "--repair", "--remove-unknown", "2").exit_code == 2
    removed = desk.run("verify", "US-UT", "--remove-unknown", "2")
    assert "2 portraits of no record destroyed" in removed.output
    assert desk.office.plane.removed_unknown == [2]
    refused = desk.run("verify", "US-UT", "--remove-unknown", "1", role=Role.OPERATOR)
    assert "role_missing" in refused.output
    assert desk.office.plane.removed_unknown == [2]


def test_dead_letters_are_listed_explained_and_sent_on(desk: Desk) -> None:
    office = desk.office
    office.plane.held_back = True
    with desk.client() as client:
        begun = client.enrol("US-UT", "UT-1", b"a portrait", wait=0)
    ref = office.plane.enrolled[begun.enrolment_id].ref
    when = office.clock.now()
    letters = [
        DeadLetter(events.FACE_DETECTED, 0, 7, ref, ErrorCode.SEAL_KEY_DESTROYED, "gone", 5, when),
        DeadLetter(events.FACE_DETECTED, 0, 9, None, ErrorCode.EVENT_MALFORMED, "torn", 1, when),
    ]
    publish(office, [dead_letter_message(one, {}) for one in (*letters, letters[0])])
    listed = desk.run("list", command=dlq, role=Role.OPERATOR)
    assert [line.split()[2] for line in listed.output.splitlines()] == [
        "seal_key_destroyed",
        "event_malformed",
    ]
    told = desk.run("explain", "1", command=dlq, role=Role.OPERATOR).output
    assert "a face that was found" in told
    assert "opens the portrait in its vault" in told
    assert "nothing to send on" in desk.run("explain", "2", command=dlq, role=Role.OPERATOR).output
    sent = desk.run("redrive", "--gallery", "US-UT", command=dlq)
    assert sent.exit_code == 0, sent.output
    assert office.plane.redriven == [begun.enrolment_id]
    assert "sent on" in desk.run("list", command=dlq, role=Role.OPERATOR).output
    refused = desk.run("redrive", "2", command=dlq, role=Role.OPERATOR)
    assert (refused.exit_code, "not_found" in refused.output) == (1, True)


def publish(office: Office, messages: list[Message]) -> None:
    office.parts.bus.publisher().publish(messages, Deadline.after(30))
    reader = office.gateway.workers[1]
    read, deadline = 0, Deadline.after(10)
    while read < len(messages):
        deadline.check()
        read += reader.step(0.2)
    assert reader.stop(5)


def test_a_custodian_sees_only_their_gallerys_letters(desk: Desk) -> None:
    token = desk.office.token("vera", Role.CUSTODIAN, gallery="US-VT")
    with OnRecordClient(desk.url, token) as client, pytest.raises(ClientError) as caught:
        list(client.dead_letters("US-UT"))
    assert caught.value.code == "caller_not_allowed"


def test_what_does_not_move_is_said_and_not_waited_for_for_ever(desk: Desk) -> None:
    path = desk.listed(3)
    desk.signed(path)
    desk.office.plane.held_back = True
    signed = read_signed(path)
    clock = [0.0]

    def pause(seconds: float) -> None:
        clock[0] += seconds

    with desk.client() as client, pytest.raises(Stuck) as caught:
        Bringer(
            client=client,
            signed=signed,
            header=read_header(signed.header),
            source=open_list(path, ManifestAct.ENROL),
            images=desk.folder / "images",
            pace=Pace(patience=30.0),
            told=lambda _: None,
            pause=pause,
            monotonic=lambda: clock[0],
        ).run()
    assert caught.value.state.counts == {"processing": 3}


def awaited(number: int, size: int | None) -> Awaited:
    return Awaited(number, Row(f"UT-{number}", "0" * 64, "x"), Path("x"), size)


def test_a_call_holds_no_more_than_the_gateway_takes() -> None:
    """64 rows, 30 MiB, 4,096 rows apart."""
    sizes = [[one.number for one in group] for group in grouped(awaited(n, 10) for n in range(130))]
    assert [len(group) for group in sizes] == [64, 64, 2]
    heavy = list(grouped(awaited(number, 12_000_000) for number in range(5)))
    assert [len(group) for group in heavy] == [2, 2, 1]
    apart = list(grouped(awaited(number, 10) for number in (1, 4096, 4097)))
    assert [len(group) for group in apart] == [2, 1]


def test_a_path_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    images = tmp_path / "images"
    images.mkdir()
    (images / "link.jpg").symlink_to(tmp_path / "secret")
    digest = hashlib.sha256(b"secret").hexdigest()
    paths = ("../secret", str(tmp_path / "secret"), "link.jpg", "", "a\0b", "absent.jpg")
    rows = tuple(Row(f"UT-{n}", digest, path) for n, path in enumerate(paths))
    batch = loaded(awaited_rows(range(1, 7), 1, rows, images))
    assert batch.portraits == {}
    assert set(batch.problems.values()) == {"image_missing"}


def test_progress_is_a_line_now_and_then_where_nobody_watches() -> None:
    out, now = io.StringIO(), [0.0]
    progress = Progress(1000, "rows", out=out, monotonic=lambda: now[0])
    for second in range(31):
        now[0] = float(second)
        progress.told(second * 10)
    progress.end(1000)
    lines = out.getvalue().splitlines()
    assert len(lines) == 5
    assert lines[1] == "100 of 1,000 rows (10 %), 10.0/s, 1 min 30 s left"
    assert "\r" not in out.getvalue()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(8, "8 s"), (250, "4 min 10 s"), (11_100, "3 h 5 min"), (183_600, "2 d 3 h")],
)
def test_time_left_in_words(seconds: float, said: str) -> None:
    assert duration(seconds) == said
