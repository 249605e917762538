"""R-12, R-14, R-21, law 10: who may act, from the verified token alone."""

from datetime import date

import pytest

from onrecord.audit.core.people import (
    person,
    require_custodian,
    require_role,
    require_training,
    service,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import Role, Service
from tests.builders.audit import START


def claims(
    *roles: Role, gallery: str | None = None, trained: date | None = date(2026, 6, 1)
) -> Claims:
    return Claims("account", "berg", "us-ut-dps", frozenset(roles), START, "t-9", trained, gallery)


def test_an_entry_names_who_acted() -> None:
    assert person(claims(Role.EXAMINER)) == {
        "person": "berg",
        "agency": "us-ut-dps",
        "subject": "account",
        "token_id": "t-9",
    }
    assert service(Service.AUDIT) == {"service": "audit"}


@pytest.mark.parametrize("role", Role)
def test_a_role_is_named_by_the_token_or_missing(role: Role) -> None:
    require_role(claims(role), role)
    others = claims(*(set(Role) - {role}))
    with pytest.raises(OnRecordError) as caught:
        require_role(others, role)
    assert (caught.value.code, caught.value.details) == (ErrorCode.ROLE_MISSING, {"role": role})
    assert caught.value.message == f"this takes the role {role}, which the token does not name"


def test_a_custodian_acts_for_their_own_gallery_alone() -> None:
    require_custodian(claims(Role.CUSTODIAN, gallery="US-UT"), "US-UT")
    for who in (
        claims(Role.CUSTODIAN, gallery="US-VT"),
        claims(Role.CUSTODIAN),
        claims(Role.OPERATOR, Role.AUDITOR, gallery="US-UT"),
    ):
        with pytest.raises(OnRecordError) as caught:
            require_custodian(who, "US-UT")
        assert caught.value.code is ErrorCode.ROLE_MISSING
    with pytest.raises(OnRecordError, match="does not make its bearer custodian of US-UT"):
        require_custodian(claims(Role.CUSTODIAN, gallery="US-VT"), "US-UT")


@pytest.mark.parametrize(
    ("trained", "code", "told"),
    [
        (None, ErrorCode.TRAINING_MISSING, "no face comparison training on record"),
        (date(2025, 11, 22), ErrorCode.TRAINING_EXPIRED, "last trained on 22 November 2025"),
        (date(2026, 11, 24), ErrorCode.TRAINING_MISSING, "in the future"),
    ],
)
def test_training_is_asked_of_examiners_too(
    trained: date | None, code: ErrorCode, told: str
) -> None:
    """R-12."""
    require_training(claims(Role.EXAMINER), START)
    require_training(claims(trained=date(2025, 11, 23)), START)
    with pytest.raises(OnRecordError, match=told) as caught:
        require_training(claims(trained=trained), START)
    assert caught.value.code is code
