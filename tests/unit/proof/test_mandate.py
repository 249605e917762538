"""Law 2: nobody looks at an image without a grant in the ledger or a ticket of the plane."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from onrecord.chassis.certificates import LocalAuthority
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Service
from onrecord.proof.attestation import Attestation, AttestationVerifier, Attestor
from onrecord.proof.mandate import CLOCK_SKEW, ImageUse, MandateVerifier
from onrecord.proof.statements import ENROLMENT_TICKET, Mandate, mandate_id
from tests.builders import bodies
from tests.builders.ledger import MemoryLedger

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
EXPIRES = datetime(2026, 11, 23, 6, 35, tzinfo=UTC)
PORTRAIT = hashlib.sha256(b"a portrait").hexdigest()


class Looking:
    """Whoever is about to look, the ledger, and two services that sign."""

    def __init__(self, folder: Path) -> None:
        authority = LocalAuthority.open(folder, now=lambda: NOW)
        self.ledger = MemoryLedger()
        self.verifier = MandateVerifier(self.ledger.key, AttestationVerifier([authority.root]))
        self._authority = authority

    def ticket(self, by: Service = Service.VECTOR_SEARCH, **changes: Any) -> Attestation:
        identity = self._authority.issue(by)
        said = {
            "type": ENROLMENT_TICKET,
            "time": format_time(NOW),
            "expires_at": format_time(EXPIRES),
            "image_sha256": PORTRAIT,
            "model_id": bodies.MODEL,
        }
        return Attestor(identity.key, identity.chain).attest({**said, **changes})

    def refused(self, mandate: Mandate, now: datetime = NOW) -> ErrorCode:
        with pytest.raises(OnRecordError) as caught:
            self.verifier.verify(mandate, now)
        return caught.value.code


@pytest.fixture
def looking(tmp_path: Path) -> Looking:
    return Looking(tmp_path)


def test_a_grant_opens_its_probe_for_its_models(looking: Looking) -> None:
    body = bodies.granted(["US-UT", "US-MD"])
    body["galleries"]["US-MD"]["model_id"] = "another-model"
    logged = looking.ledger.log(body)
    held = looking.verifier.verify(logged, NOW)
    assert held.id == mandate_id(logged)
    assert (held.use, held.image_sha256) == (ImageUse.PROBE, bodies.PROBE)
    assert held.model_ids == {bodies.MODEL, "another-model"}


def test_a_ticket_opens_its_portrait_for_its_model(looking: Looking) -> None:
    ticket = looking.ticket()
    held = looking.verifier.verify(ticket, NOW)
    assert held.id == mandate_id(ticket)
    assert (held.use, held.image_sha256) == (ImageUse.PORTRAIT, PORTRAIT)
    assert held.model_ids == {bodies.MODEL}


def test_both_end_when_they_say_and_a_minute_for_the_clocks(looking: Looking) -> None:
    grant = looking.ledger.log(bodies.granted())
    for mandate in (grant, looking.ticket()):
        looking.verifier.verify(mandate, EXPIRES + CLOCK_SKEW)
        late = EXPIRES + CLOCK_SKEW + timedelta(milliseconds=10)
        assert looking.refused(mandate, late) is ErrorCode.GRANT_EXPIRED
    assert timedelta(seconds=60) == CLOCK_SKEW


def test_only_the_plane_gives_tickets_and_they_are_tickets(looking: Looking) -> None:
    by_gateway = looking.ticket(by=Service.GATEWAY)
    assert looking.refused(by_gateway) is ErrorCode.ATTESTATION_INVALID
    receipt = looking.ticket(type="onrecord.receipt/v1")
    assert looking.refused(receipt) is ErrorCode.ATTESTATION_INVALID


@pytest.mark.parametrize("ends", [None, "soon", "2026-11-23T06:35:00+01:00"])
def test_a_mandate_says_when_it_ends(looking: Looking, ends: str | None) -> None:
    assert looking.refused(looking.ticket(expires_at=ends)) is ErrorCode.ATTESTATION_INVALID
    grant = looking.ledger.log({**bodies.granted(), "expires_at": ends})
    assert looking.refused(grant) is ErrorCode.GRANT_MALFORMED


def test_a_grant_of_another_ledger_opens_nothing(looking: Looking) -> None:
    elsewhere = MemoryLedger().log(bodies.granted())
    assert looking.refused(elsewhere) is ErrorCode.GRANT_CHECKPOINT_INVALID
