"""Galleries, policies and the enrolment of one record."""

import json
from typing import Any

import pytest
from httpx import Response

from onrecord.kernel.vocabulary import Role
from onrecord.proof.authority import build_bundle, key_name
from onrecord.proof.notes import NoteSigner
from tests.builders.gateway import Office
from tests.builders.gateway_audit import MODEL

NEVADA = {"model_id": MODEL, "authority_key": "US-NV/authority+4f1c2a9b+AY3k"}


def create(office: Office, gallery: str, document: Any, role: Role = Role.OPERATOR) -> Response:
    headers = office.bearer("otto", role)
    answer: Response = office.http.put(f"/v1/galleries/{gallery}", json=document, headers=headers)
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


def test_a_body_beyond_any_document_is_not_held(office: Office) -> None:
    sent = json.dumps({**bundle(), "policy": "A" * 3_000_000}).encode()
    headers = office.bearer("cora", Role.CUSTODIAN, gallery="US-UT")
    answer = office.http.post("/v1/galleries/US-UT/policy", content=sent, headers=headers)
    assert problem(answer) == (422, "field_too_long", "body")
