"""R-10, end to end: Massachusetts' example law lets a search go before its warrant, over HTTP."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from onrecord.client import ClientError
from onrecord.kernel.vocabulary import GalleryStatus, SearchStatus
from tests.builders import e2e_people as people
from tests.builders.e2e_photographs import sitters
from tests.builders.e2e_scene import Scene, enrol, open_gallery_like

MASSACHUSETTS = "US-MA"
FACTS = "A child was taken from a playground an hour ago; no judge can be reached in time."


def warrant() -> dict[str, str]:
    return {
        "type": "search_warrant",
        "issuer": "Suffolk Superior Court",
        "number": "W-2026-118",
        "date": datetime.now(UTC).date().isoformat(),
    }


def asking(**differently: Any) -> dict[str, Any]:
    return {
        "galleries": [MASSACHUSETTS],
        "beneficiary_agency": "us-ma-bpd",
        "offence": {"statute": "Mass. Gen. Laws c. 265, § 26", "tier": "violent_felony"},
        **differently,
    }


def test_searched_first_and_followed_up_on_the_record(
    scene: Scene, models: Path, tmp_path: Path
) -> None:
    """R-10, R-21: refused without a warrant, let go in an emergency, and the warrant follows."""
    (sought,) = sitters(1)
    open_gallery_like(scene.installation, MASSACHUSETTS, MASSACHUSETTS, models)
    enrol(scene.installation, MASSACHUSETTS, [sought])
    officer = people.Person("inv-boston", "us-ma-bpd", people.investigator().roles)

    refused = scene.search(sought.probe(), by=officer, **asking())
    assert refused.status is SearchStatus.REFUSED
    reasons = refused.gallery(MASSACHUSETTS).reasons
    assert [reason.code for reason in reasons] == ["instrument_required"]

    search = scene.search(sought.probe(), by=officer, **asking(emergency={"facts": FACTS}))
    assert search.gallery(MASSACHUSETTS).status is GalleryStatus.SEARCHED
    (emergency,) = search.emergencies
    due = datetime.fromisoformat(emergency.due)
    assert emergency.status == "due"
    assert timedelta(hours=47, minutes=55) < due - datetime.now(UTC) <= timedelta(hours=48)

    elsewhere = people.investigator()
    with scene.client(elsewhere) as client, pytest.raises(ClientError) as raised:
        client.follow_up(search.search_id, warrant())
    assert raised.value.code == "not_found"

    with scene.client(officer) as client:
        instrument = warrant()
        logged = client.follow_up(search.search_id, instrument)
        (now,) = client.get_search(search.search_id).emergencies
    assert (now.status, now.entry_index) == ("followed_up", logged.entry_index)

    entries = {one.kind: one for one in scene.ledger.of_search(search.search_id)}
    grant, followed = entries["request.granted"], entries["emergency.followed_up"]
    assert grant.body["request"]["emergency"] == {"facts": FACTS}
    assert grant.body["galleries"][MASSACHUSETTS]["emergency"]["waived"] == ["instrument_required"]
    assert followed.body["instrument"] == instrument
    assert followed.body["by"]["person"] == "inv-boston"

    verified = scene.ledger.verify(scene.ledger.export(tmp_path / "ledger"))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "every emergency is followed up in time" in verified.stdout
