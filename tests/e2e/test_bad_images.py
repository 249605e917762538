"""Images over HTTP: what is refused, by which code, on the record; and what is accepted."""

import json
from collections.abc import Callable

import httpx
import pytest

from onrecord.client import ClientError
from onrecord.kernel.vocabulary import GalleryStatus, SearchStatus
from tests.builders import e2e_people as people
from tests.builders import e2e_photographs as photographs
from tests.builders.e2e_photographs import picture, saved, unique
from tests.builders.e2e_scene import UTAH, VERMONT, Scene
from tests.builders.e2e_server import LogMark, Serving
from tests.data import test_data_path

Make = Callable[[bytes], bytes]
"""Makes an image out of a good photograph."""

REFUSED_WITHOUT_AN_ENTRY = [
    # what, image, HTTP status, code: the gateway sees these before anyone is asked.
    ("empty", lambda _: b"", 400, "image_empty"),
    ("25-mb", lambda good: good + bytes(25_000_000 - len(good)), 413, "image_too_large"),
]

REFUSED_ON_THE_RECORD = [
    # what, image, code: after the grant, and its end.
    ("truncated-jpeg", lambda good: unique(good)[: len(good) * 6 // 10], "image_truncated"),
    (
        "truncated-png",
        lambda good: (lambda png: png[: len(png) // 2])(saved(picture(good), "PNG")),
        "image_truncated",
    ),
    ("1x1", lambda good: saved(picture(good).resize((1, 1)), "PNG"), "image_too_small"),
    (
        "60000x60000-png",
        lambda _: photographs.huge_png_header(60_000, 60_000),
        "image_too_many_pixels",
    ),
    (
        "60000x60000-jpeg",
        lambda good: photographs.huge_jpeg_header(unique(good), 60_000, 60_000),
        "image_too_many_pixels",
    ),
    ("gif", lambda good: saved(picture(good), "GIF"), "image_type_unsupported"),
    (
        "svg",
        lambda _: b'<svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>',
        "image_type_unsupported",
    ),
    ("noise", lambda _: bytes(range(256)) * 40, "image_type_unsupported"),
    ("animated-webp", photographs.animated_webp, "image_animated"),
    ("no-face", lambda _: data("groups", "017_0.jpg"), "face_not_found"),
    ("drawing", lambda _: photographs.drawing(), "face_not_found"),
    ("three-faces", lambda _: data("groups", "011_3.jpg"), "face_not_single"),
    ("blurred", photographs.blurred, "quality_sharpness"),
    ("dark", photographs.darkened, "quality_exposure"),
]

ACCEPTED: list[tuple[str, Make]] = [
    ("colour", lambda good: unique(saved(picture(good), "JPEG", quality=95))),
    ("grey", lambda good: unique(saved(picture(good).convert("L"), "JPEG", quality=95))),
    ("alpha", photographs.with_alpha),
    ("cmyk", lambda good: unique(saved(picture(good).convert("CMYK"), "JPEG", quality=95))),
    ("16-bit", photographs.sixteen_bit),
    ("webp", lambda good: saved(picture(good), "WEBP", quality=95)),
    *(
        (f"exif-{number}", lambda good, number=number: photographs.rotated(good, number))
        for number in range(1, 9)
    ),
]


def data(*parts: str) -> bytes:
    return test_data_path("faces", *parts).read_bytes()


@pytest.mark.parametrize(
    ("make", "status", "code"),
    [row[1:] for row in REFUSED_WITHOUT_AN_ENTRY],
    ids=[row[0] for row in REFUSED_WITHOUT_AN_ENTRY],
)
def test_refused_before_a_grant(
    scene: Scene, server: Serving, make: Make, status: int, code: str
) -> None:
    """R-32: presence and size are seen at once. No search, no entry."""
    who, log = people.investigator(), LogMark(server)
    with scene.client(who) as client:
        with pytest.raises(ClientError) as raised:
            client.search(
                people.request(),
                make(scene.enrolled[0].probe()),
                idempotency_key=people.fresh_key(),
            )
        error = raised.value
        assert (error.status, error.code, error.field) == (status, code, "probe")
        assert list(client.searches()) == []
    assert scene.ledger.by(who.person) == []
    assert "Traceback" not in log.text()


@pytest.mark.parametrize(
    ("make", "code"),
    [row[1:] for row in REFUSED_ON_THE_RECORD],
    ids=[row[0] for row in REFUSED_ON_THE_RECORD],
)
def test_refused_on_the_record(scene: Scene, server: Serving, make: Make, code: str) -> None:
    """R-21, R-23, R-32 to R-34: the grant has an entry, the refusal ends it with an entry of its
    own, and the search says why. Nothing was searched; nobody will examine it.
    """
    who, key, log = people.investigator(), people.fresh_key(), LogMark(server)
    probe = make(scene.enrolled[5].probe())
    scene.drawn()
    declared = people.request(galleries=[UTAH, VERMONT])
    with scene.client(who) as client:
        search = client.search(declared, probe, idempotency_key=key)
        assert search.status is SearchStatus.REFUSED_QUALITY, [r.code for r in search.reasons]
        assert [reason.code for reason in search.reasons] == [code]
        assert "Traceback" not in search.reasons[0].message
        utah, vermont = search.gallery(UTAH), search.gallery(VERMONT)
        assert (utah.status, utah.retryable) == (GalleryStatus.UNAVAILABLE, False)
        assert [reason.code for reason in utah.reasons] == [code]
        assert vermont.status is GalleryStatus.REFUSED
        # A repeat finds it ended, and adds nothing.
        again = client.search(declared, probe, idempotency_key=key)
        assert (again.search_id, again.status) == (search.search_id, search.status)
        assert [one.search_id for one in client.searches()] == [search.search_id]
    granted, ended = scene.ledger.of_search(search.search_id)
    assert (granted.kind, ended.kind) == ("request.granted", "search.refused_quality")
    assert (ended.body["code"], ended.body["galleries"]) == (code, [UTAH])
    assert scene.drawn() == []
    assert "Traceback" not in log.text()


def test_a_crowd_is_counted(scene: Scene) -> None:
    """R-33: a refusal that says how many faces there were."""
    search = scene.search(unique(data("groups", "011_3.jpg")))
    assert "3" in search.reasons[0].message


@pytest.mark.parametrize("make", [row[1] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_accepted(scene: Scene, make: Make) -> None:
    """R-33: converted and turned upright, it is still that person: they are among the first two."""
    sought = scene.enrolled[6]
    scene.drawn()
    search = scene.search(make(sought.probe()), list_size=2)
    assert search.status is SearchStatus.EXAMINING, [reason.code for reason in search.reasons]
    examiner, _ = scene.drawn()
    assert sought.portrait in scene.look(examiner).values()


@pytest.mark.parametrize(
    ("name", "kind"), [("probe.gif", "image/gif"), ("x.txt", "text/plain"), ("", "")]
)
def test_a_wrong_name_is_no_matter(scene: Scene, name: str, kind: str) -> None:
    """R-33: the content decides the type, not what the client calls it."""
    who = people.investigator()
    answer = httpx.post(
        f"{scene.installation.address}/v1/searches",
        headers={
            "Authorization": f"Bearer {people.token(scene.installation.issuer, who)}",
            "Idempotency-Key": people.fresh_key(),
        },
        files={
            "request": (None, json.dumps(people.request()).encode()),
            "probe": (name or None, scene.enrolled[6].probe(), kind or "application/octet-stream"),
        },
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == SearchStatus.EXAMINING.value


@pytest.mark.parametrize(
    ("make", "status", "code"),
    [
        (lambda _: data("groups", "011_3.jpg"), 422, "face_not_single"),
        (photographs.blurred, 422, "quality_sharpness"),
        (lambda good: saved(picture(good), "GIF"), 415, "image_type_unsupported"),
        (lambda _: b"", 400, "image_empty"),
    ],
    ids=["three-faces", "blurred", "gif", "empty"],
)
def test_a_portrait_that_cannot_be_enrolled(
    scene: Scene, server: Serving, make: Make, status: int, code: str
) -> None:
    """R-32 to R-34: refused with its code; the gallery is as it was, and the ledger too."""
    log = LogMark(server)
    custodian = people.custodian(UTAH)
    with scene.client(custodian) as client:
        before = {one.gallery: one.live_records for one in client.galleries()}
        entries = len(scene.ledger.by(custodian.person))
        with pytest.raises(ClientError) as raised:
            client.enrol(UTAH, "UT-LICENCE-NOBODY", make(scene.enrolled[5].probe()))
        error = raised.value
        assert (error.status, error.code, error.field) == (status, code, "portrait")
        assert {one.gallery: one.live_records for one in client.galleries()} == before
    assert len(scene.ledger.by(custodian.person)) == entries
    assert "Traceback" not in log.text()
