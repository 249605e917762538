"""Galleries, policies and the enrolment of one record."""

import json
from typing import Any

import pytest
from httpx import Response

from onrecord.chassis.sealing import Sealed, open_sealed
from onrecord.contracts.vector_search import portrait_aad
from onrecord.kernel.vocabulary import Role
from onrecord.proof.authority import build_bundle, key_name
from onrecord.proof.notes import NoteSigner
from tests.builders.gateway import Office
from tests.builders.gateway_audit import MODEL
from tests.builders.gateway_services import BLURRED, CROWD

NEVADA = {"model_id": MODEL, "authority_key": "US-NV/authority+4f1c2a9b+AY3k"}


def create(office: Office, gallery: str, document: Any, role: Role = Role.OPERATOR) -> Response:
    headers = office.bearer("otto", role)
    answer: Response = office.http.put(f"/v1/galleries/{gallery}", json=document, headers=headers)
    return answer


def enrol(
    office: Office,
    portrait: bytes = b"a portrait",
    *,
    record_id: str = "UT-000001",
    gallery: str = "US-UT",
    **claims: Any,
) -> Response:
    headers = office.bearer("cora", Role.CUSTODIAN, **{"gallery": "US-UT", **claims})
    files = {"portrait": ("passport.bmp", portrait, "image/bmp")}
    answer: Response = office.http.put(
        f"/v1/galleries/{gallery}/records/{record_id}", files=files, headers=headers
    )
    return answer


def bundle(gallery: str = "US-UT") -> dict[str, Any]:
    made = build_bundle(
        b"permit(principal, action, resource);",
        b"jurisdiction: US-UT\n",
        jurisdiction=gallery,
        version=1,
        previous="",
        signer=NoteSigner.generate(key_name(gallery)),
    )
    return made.to_json()


def activate(office: Office, sent: Any, *, gallery: str = "US-UT", **claims: Any) -> Response:
    headers = office.bearer("cora", Role.CUSTODIAN, **{"gallery": "US-UT", **claims})
    answer: Response = office.http.post(
        f"/v1/galleries/{gallery}/policy", json=sent, headers=headers
    )
    return answer


def problem(answer: Response) -> tuple[int, str, str | None]:
    said = answer.json()
    return answer.status_code, said["code"], said.get("field")


def test_an_operator_creates_a_gallery_on_the_record(office: Office) -> None:
    """R-21: the key and the model are entries before the gallery is."""
    answer = create(office, "US-NV", NEVADA)
    assert answer.status_code == 200
    assert answer.json()["gallery"] == "US-NV"
    assert office.audit.kinds() == ["key.changed", "model.activated"]
    setup = office.plane.setups["US-NV"]
    assert (setup.dimension, setup.metric) == (4, "IP")
    listed = office.get("/v1/galleries", "anyone", Role.REQUESTER).json()["galleries"]
    assert [one["gallery"] for one in listed] == ["US-MD", "US-NV", "US-UT", "US-VT"]


@pytest.mark.parametrize(
    ("gallery", "document", "expected"),
    [
        ("US-ZZ", NEVADA, (422, "jurisdiction_unknown", "gallery")),
        ("US-NV", {**NEVADA, "model_id": "other"}, (422, "model_unknown", "model_id")),
        ("US-NV", {**NEVADA, "colour": 1}, (422, "field_unknown", "colour")),
        ("US-NV", {"model_id": MODEL}, (422, "field_missing", "authority_key")),
        ("US-NV", [], (400, "request_malformed", "body")),
    ],
)
def test_a_gallery_that_cannot_be(
    office: Office, gallery: str, document: Any, expected: tuple[int, str, str]
) -> None:
    assert problem(create(office, gallery, document)) == expected
    assert office.audit.kinds() == []


def test_only_an_operator_creates_galleries(office: Office) -> None:
    expected = (403, "role_missing", "roles")
    assert problem(create(office, "US-NV", NEVADA, Role.CUSTODIAN)) == expected


def test_a_gallery_with_other_settings_exists(office: Office) -> None:
    create(office, "US-NV", NEVADA)
    changed = {**NEVADA, "authority_key": "US-NV/authority+00000000+other"}
    assert problem(create(office, "US-NV", changed))[:2] == (409, "gallery_exists")


def test_a_custodian_activates_a_signed_policy(office: Office) -> None:
    answer = activate(office, bundle())
    assert answer.status_code == 201
    assert office.audit.kinds()[answer.json()["entry_index"]] == "policy.activated"


def test_a_policy_of_another_state_is_not_passed_on(office: Office) -> None:
    """Law 5: each gallery has its own authority."""
    assert problem(activate(office, bundle("US-VT"))) == (422, "field_invalid", "manifest")
    expected = (403, "caller_not_allowed", None)
    assert problem(activate(office, bundle("US-VT"), gallery="US-VT")) == expected
    assert office.audit.activated == []


@pytest.mark.parametrize(
    ("change", "code"),
    [({"policy": "not base64!"}, "policy_invalid"), ({"notes": "x"}, "field_unknown")],
)
def test_a_bundle_that_cannot_be_read(office: Office, change: dict[str, Any], code: str) -> None:
    assert problem(activate(office, {**bundle(), **change}))[1] == code


def test_policies_in_force_are_public(office: Office) -> None:
    """R-28: no sign-in."""
    answer = office.http.get("/v1/policies")
    assert answer.json()["policies"][0]["citation"] == "Utah Code 77-23e"


def test_one_record_is_enrolled(office: Office) -> None:
    """R-30: the vault gets ciphertext that only the gallery's private key opens."""
    answer = enrol(office)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert (said["status"], said["gallery"]) == ("live", "US-UT")
    assert office.audit.kinds()[said["entry_index"]] == "gallery.enrolled"
    assert office.plane.records["US-UT"][-1].record_id == "UT-000001"
    (vaulted,) = [path for path in (office.folder / "vault").rglob("*") if path.is_file()]
    assert b"a portrait" not in vaulted.read_bytes()
    (completion,) = office.plane.completions
    sealed = Sealed(vaulted.read_bytes(), completion.vault.wrapped_key)
    start = office.plane.tickets[said["enrolment_id"]]
    about = portrait_aad("US-UT", said["enrolment_id"], start.image_sha256)
    assert open_sealed(office.plane.keys["US-UT"].private, sealed, about) == b"a portrait"


def test_the_gateway_keeps_no_record_id(office: Office) -> None:
    """Law 6."""
    enrol(office, record_id="UT-RECORD-KEPT-NOWHERE")
    kept = [path.read_bytes() for path in office.folder.rglob("*") if path.is_file()]
    kept += [body for _, body in office.audit.ledger.bodies]
    assert not any(b"UT-RECORD-KEPT-NOWHERE" in one for one in kept)


@pytest.mark.parametrize(
    ("portrait", "code", "details"),
    [(BLURRED, "quality_sharpness", None), (CROWD, "face_not_single", {"faces": 3})],
)
def test_a_portrait_that_cannot_be_used_is_rejected_with_its_reason(
    office: Office, portrait: bytes, code: str, details: Any
) -> None:
    """R-33: a crowd is a refusal that says how many faces."""
    answer = enrol(office, portrait)
    assert problem(answer) == (422, code, "portrait")
    assert answer.json().get("details") == details
    assert len(office.plane.records["US-UT"]) == 3


def test_record_ids_may_hold_any_sign(office: Office) -> None:
    assert enrol(office, record_id="UT%2F00%3F1").status_code == 201
    assert office.plane.records["US-UT"][-1].record_id == "UT/00?1"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"gallery": "US-VT"}, (403, "caller_not_allowed", None)),
        ({"gallery": "US-NV"}, (403, "caller_not_allowed", None)),
        ({"gallery": "utah"}, (422, "jurisdiction_unknown", "gallery")),
        ({"roles": (Role.OPERATOR,)}, (403, "role_missing", "roles")),
        ({"portrait": b""}, (400, "image_empty", "portrait")),
        ({"portrait": b"\xff" * 20_000_001}, (413, "image_too_large", "portrait")),
    ],
)
def test_an_enrolment_that_may_not_be(
    office: Office, change: dict[str, Any], expected: tuple[int, str, str | None]
) -> None:
    roles = change.pop("roles", (Role.CUSTODIAN,))
    headers = office.bearer("cora", *roles, gallery="US-UT")
    files = {"portrait": ("p.jpg", change.get("portrait", b"a portrait"), "image/jpeg")}
    path = f"/v1/galleries/{change.get('gallery', 'US-UT')}/records/UT-1"
    assert problem(office.http.put(path, files=files, headers=headers)) == expected
    assert office.detection.looked_at == []


def test_a_custodian_of_a_gallery_that_is_not_there(office: Office) -> None:
    headers = office.bearer("cora", Role.CUSTODIAN, gallery="US-NV")
    files = {"portrait": ("p.jpg", b"a portrait", "image/jpeg")}
    said = office.http.put("/v1/galleries/US-NV/records/NV-1", files=files, headers=headers)
    assert problem(said)[:2] == (404, "gallery_unknown")


def test_a_body_beyond_any_document_is_not_held(office: Office) -> None:
    sent = json.dumps({**bundle(), "policy": "A" * 3_000_000}).encode()
    headers = office.bearer("cora", Role.CUSTODIAN, gallery="US-UT")
    answer = office.http.post("/v1/galleries/US-UT/policy", content=sent, headers=headers)
    assert problem(answer) == (422, "field_too_long", "body")
