"""R-43: what every process tells of itself."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from onrecord.chassis.certificates import LocalAuthority
from onrecord.cli.metrics import certificate_reading
from onrecord.kernel.vocabulary import Service


def test_a_certificate_says_how_long_it_lasts_and_what_is_left(tmp_path: Path) -> None:
    """So that an alert is the same for a certificate of hours and for one of months."""
    begun = datetime.now(UTC) - timedelta(days=30)
    LocalAuthority.open(tmp_path, lambda: begun).issue(Service.AUDIT)
    (file,) = [one for one in tmp_path.glob("audit*.pem") if "key" not in one.name]
    told = {one.gauge.name: one.value for one in certificate_reading(Service.AUDIT, file).read()}
    whole = told["onrecord_certificate_lifetime_seconds"]
    left = told["onrecord_certificate_expiry_seconds"]
    assert whole > 0
    assert whole - left == pytest.approx(30 * 86400, rel=0.01)
