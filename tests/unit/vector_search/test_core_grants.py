"""Law 2 at its bounds: what a grant, a look, a template and a role allow in one gallery."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from onrecord.contracts.images import Template
from onrecord.contracts.vector_search import LookScope
from onrecord.kernel.cards import Metric
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import MAX_LIST_SIZE, Role
from onrecord.proof import canonical
from onrecord.proof.attestation import Attestation
from onrecord.proof.entry import VerifiedEntry, verify_entry
from onrecord.proof.grant import GalleryGrant, Grant, read_grant
from onrecord.vector_search.core.custody import as_person, require_custodian, require_upkeep
from onrecord.vector_search.core.grants import (
    check_dated,
    check_grant,
    check_made_under,
    check_may_begin,
    check_still_running,
)
from onrecord.vector_search.core.looks import check_look, read_look
from onrecord.vector_search.core.templates import UNIT_TOLERANCE, check_template
from onrecord.vector_search.core.values import NO_RECEIPT, Gallery, IndexSpace
from tests.builders import bodies
from tests.builders.ledger import MemoryLedger

GRANTED = datetime(2026, 11, 23, 6, 30, 1, tzinfo=UTC)
EXPIRES = datetime(2026, 11, 23, 6, 35, tzinfo=UTC)
MINUTE, TICK = timedelta(seconds=60), timedelta(milliseconds=10)
GALLERY = Gallery("US-UT", bodies.MODEL, 4, Metric.IP, "", b"", 0, 0, NO_RECEIPT)


def grant(**changes: Any) -> Grant:
    ledger = MemoryLedger()
    return replace(read_grant(ledger.log(bodies.granted()), ledger.key), **changes)


def of_gallery(list_size: int = 5, model_id: str = bodies.MODEL) -> dict[str, GalleryGrant]:
    return {"US-UT": GalleryGrant(bodies.POLICY, model_id, list_size)}


def refused(code: ErrorCode, act: Callable[..., object], *given: object) -> OnRecordError:
    with pytest.raises(OnRecordError) as caught:
        act(*given)
    assert caught.value.code is code
    return caught.value


# -- grants


def test_a_grant_allows_its_galleries_and_says_how() -> None:
    allowed = check_grant(grant(), GALLERY, bodies.MODEL, GRANTED)
    assert allowed == GalleryGrant(bodies.POLICY, bodies.MODEL, 5)
    vermont = replace(GALLERY, jurisdiction="US-VT")
    refused(ErrorCode.GRANT_GALLERY, check_grant, grant(), vermont, bodies.MODEL, GRANTED)


def test_nothing_is_begun_in_the_last_five_seconds() -> None:
    """Law 3."""
    last = EXPIRES - timedelta(seconds=5)
    check_may_begin(grant(), last)
    check_grant(grant(), GALLERY, bodies.MODEL, last)
    for late in (last + TICK, EXPIRES, EXPIRES + TICK):
        refused(ErrorCode.GRANT_EXPIRED, check_may_begin, grant(), late)
        refused(ErrorCode.GRANT_EXPIRED, check_grant, grant(), GALLERY, bodies.MODEL, late)


def test_a_running_search_ends_with_its_grant() -> None:
    check_still_running(grant(), EXPIRES)
    refused(ErrorCode.GRANT_EXPIRED, check_still_running, grant(), EXPIRES + TICK)


def test_an_entry_from_the_future_is_refused_beyond_a_minute() -> None:
    early = GRANTED - MINUTE
    check_dated(GRANTED, early)
    check_grant(grant(), GALLERY, bodies.MODEL, early)
    refused(ErrorCode.GRANT_MALFORMED, check_dated, GRANTED, early - TICK)
    refused(ErrorCode.GRANT_MALFORMED, check_grant, grant(), GALLERY, bodies.MODEL, early - TICK)


@pytest.mark.parametrize(
    ("asked", "allowed", "holds"),
    [
        (5, 5, True),
        (5, 1, True),
        (5, 6, False),
        (5, 0, False),
        (5, -1, False),
        (MAX_LIST_SIZE, MAX_LIST_SIZE, True),
        (MAX_LIST_SIZE + 1, MAX_LIST_SIZE + 1, False),
    ],
)
def test_a_list_is_no_longer_than_was_asked_nor_than_any_may_be(
    asked: int, allowed: int, holds: bool
) -> None:
    """R-13."""
    given = grant(list_size=asked, galleries=of_gallery(allowed))
    if holds:
        assert check_grant(given, GALLERY, bodies.MODEL, GRANTED).list_size == allowed
    else:
        refused(ErrorCode.GRANT_LIST_SIZE, check_grant, given, GALLERY, bodies.MODEL, GRANTED)


def test_grant_gallery_and_template_are_of_one_model() -> None:
    """R-38."""
    other = "another-model"
    for given, gallery, model in (
        (grant(galleries=of_gallery(model_id=other)), GALLERY, bodies.MODEL),
        (grant(), replace(GALLERY, model_id=other), bodies.MODEL),
        (grant(), GALLERY, other),
        (grant(galleries=of_gallery(model_id=other)), GALLERY, other),
        (grant(), replace(GALLERY, model_id=other), other),
    ):
        refused(ErrorCode.GRANT_MODEL, check_grant, given, gallery, model, GRANTED)


# -- templates


def template(values: list[float], model_id: str = bodies.MODEL, **made_at: Any) -> Template:
    def said(name: str) -> Attestation:
        at = made_at.get(name, GRANTED)
        return Attestation(canonical.encode({"time": format_time(at)}), b"", ())

    vector = np.array(values, dtype=np.float32)
    return Template(model_id, vector, said("detected"), said("embedded"))


UNIT = [0.6, 0.8, 0.0, 0.0]


def made(which: str, at: datetime) -> Template:
    times: dict[str, Any] = {which: at}
    return template(UNIT, **times)


@pytest.mark.parametrize("which", ["detected", "embedded"])
def test_statements_are_made_during_the_grant(which: str) -> None:
    now = GRANTED + timedelta(seconds=9)
    for at in (GRANTED - MINUTE, GRANTED, now, now + MINUTE):
        check_made_under(grant(), made(which, at), now)
    for at in (GRANTED - MINUTE - TICK, now + MINUTE + TICK):
        late = made(which, at)
        error = refused(ErrorCode.ATTESTATION_INVALID, check_made_under, grant(), late, now)
        assert error.field == "time"


def test_a_template_is_of_its_gallerys_model_size_and_type() -> None:
    space = GALLERY.space
    assert space == IndexSpace("US-UT", bodies.MODEL, 4, Metric.IP)
    assert check_template(template(UNIT), space).tolist() == pytest.approx(UNIT)
    refused(ErrorCode.MODEL_MISMATCH, check_template, template(UNIT, "another-model"), space)
    wrong = [template(UNIT[:3]), template([*UNIT, 0.0])]
    wrong += [replace(template(UNIT), vector=np.array(UNIT, dtype=np.float64))]
    wrong += [replace(template(UNIT), vector=np.array([UNIT], dtype=np.float32))]
    for bad in wrong:
        refused(ErrorCode.TEMPLATE_INVALID, check_template, bad, space)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("metric", list(Metric))
def test_every_value_is_a_finite_number(value: float, metric: Metric) -> None:
    space = replace(GALLERY, metric=metric).space
    refused(ErrorCode.TEMPLATE_INVALID, check_template, template([value, 0.6, 0.8, 0.0]), space)


def test_length_is_one_where_the_metric_needs_it() -> None:
    by_product, by_distance = GALLERY.space, replace(GALLERY, metric=Metric.L2).space
    for length in (1.0, 1 - UNIT_TOLERANCE * 0.9, 1 + UNIT_TOLERANCE * 0.9):
        check_template(template([length, 0, 0, 0]), by_product)
    for length in (0.0, 0.5, 1 - UNIT_TOLERANCE * 1.1, 1 + UNIT_TOLERANCE * 1.1, 2.0, 3.0):
        stretched = template([length, 0, 0, 0])
        refused(ErrorCode.TEMPLATE_INVALID, check_template, stretched, by_product)
        check_template(stretched, by_distance)


# -- looks


def look(**changes: Any) -> VerifiedEntry:
    ledger = MemoryLedger()
    ledger.append(bodies.granted())
    logged = ledger.log({**bodies.looked("one", "ref-a", grant_index=0), **changes})
    return verify_entry(logged, ledger.key)


def test_a_look_is_at_one_candidate_of_one_search() -> None:
    assert read_look(look()) == LookScope(
        search_id="s-1",
        grant_index=0,
        gallery="US-UT",
        candidate_ref="ref-a",
        expires_at=datetime(2026, 11, 23, 6, 32, 4, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "examination.decided"},
        {"target": {"what": "probe"}},
        {"target": {"what": "probe", "gallery": "US-UT", "candidate_ref": "ref-a"}},
        {"target": {"what": "candidate", "gallery": "US-UT"}},
        {"target": {"what": "candidate", "candidate_ref": "ref-a"}},
        {"target": {}},
        {"target": None},
        {"grant_index": True},
        {"grant_index": "0"},
        {"grant_index": None},
        {"expires_at": None},
        {"expires_at": "2026-11-23T06:32:04+01:00"},
    ],
    ids=repr,
)
def test_what_is_no_look_at_a_candidate_opens_nothing(changes: dict[str, Any]) -> None:
    refused(ErrorCode.GRANT_MALFORMED, read_look, look(**changes))


@pytest.mark.parametrize("field", ["search_id", "grant_index", "target", "expires_at"])
def test_a_look_with_a_field_missing_opens_nothing(field: str) -> None:
    whole = look()
    body = {name: value for name, value in whole.body.items() if name != field}
    refused(ErrorCode.GRANT_MALFORMED, read_look, replace(whole, body=body))


def test_a_look_ends_at_its_instant() -> None:
    scope = read_look(look())
    check_look(scope, scope.expires_at - TICK)
    refused(ErrorCode.GRANT_EXPIRED, check_look, scope, scope.expires_at)
    refused(ErrorCode.GRANT_EXPIRED, check_look, scope, scope.expires_at + TICK)


# -- custody


def claims(*roles: Role, gallery: str | None = None) -> Claims:
    return Claims("sub", "person", "agency", frozenset(roles), EXPIRES, "jti", gallery=gallery)


def test_a_gallery_is_changed_by_its_own_custodian() -> None:
    """Law 10."""
    require_custodian(claims(Role.CUSTODIAN, gallery="US-UT"), "US-UT")
    not_theirs = claims(Role.CUSTODIAN, gallery="US-VT")
    refused(ErrorCode.CALLER_NOT_ALLOWED, require_custodian, not_theirs, "US-UT")
    refused(ErrorCode.CALLER_NOT_ALLOWED, require_custodian, claims(Role.CUSTODIAN), "US-UT")
    for role in set(Role) - {Role.CUSTODIAN}:
        no_custodian = claims(role, gallery="US-UT")
        refused(ErrorCode.ROLE_MISSING, require_custodian, no_custodian, "US-UT")


def test_upkeep_is_the_custodians_or_an_operators() -> None:
    require_upkeep(claims(Role.OPERATOR), "US-UT")
    require_upkeep(claims(Role.CUSTODIAN, gallery="US-UT"), "US-UT")
    not_theirs = claims(Role.CUSTODIAN, gallery="US-VT")
    refused(ErrorCode.CALLER_NOT_ALLOWED, require_upkeep, not_theirs, "US-UT")
    refused(ErrorCode.ROLE_MISSING, require_upkeep, claims(Role.AUDITOR), "US-UT")


def test_a_person_is_named_as_in_entries() -> None:
    assert as_person(claims()) == {
        "person": "person",
        "agency": "agency",
        "subject": "sub",
        "token_id": "jti",
    }
