"""Utah's example law, changed: what a state that permits emergencies would sign, and the like."""

from typing import Any

from onrecord.kernel.vocabulary import Role
from tests.builders.audit import POLICIES, AuditForTest, soon

NO_EMERGENCY = "emergency: {permitted: false}"
NO_INSTRUMENT = "instruments_required: {}"
WARRANT_DEMANDED = (
    NO_INSTRUMENT,
    "instruments_required: {criminal_investigation: [search_warrant, court_order]}",
)
EMERGENCY_PERMITTED = (NO_EMERGENCY, "emergency: {permitted: true, followup_hours: 48}")

EMERGENCY = {"facts": "A child was taken an hour ago; no judge can be reached in time."}
WARRANT = {
    "type": "search_warrant",
    "issuer": "Third District Court",
    "number": "W-77",
    "date": "2026-11-23",
}
ORDER = {**WARRANT, "type": "court_order", "number": "O-78"}


def utah(*changes: tuple[str, str]) -> str:
    """`authority.yaml` of the example with each text replaced by another."""
    yaml = (POLICIES / "US-UT" / "authority.yaml").read_text()
    for old, new in changes:
        assert old in yaml, old
        yaml = yaml.replace(old, new, 1)
    return yaml


def put_in_force(
    audit: AuditForTest, authority: str, *, state: str = "US-UT", cedar: str | None = None
) -> None:
    """The state activates a next version of its policy with this `authority.yaml`."""
    active = {one.jurisdiction: one for one in audit.service.active_policies(soon())}[state]
    bundle = audit.bundle(
        state,
        version=active.version + 1,
        previous=active.digest,
        authority=authority.encode(),
        policy=None if cedar is None else cedar.encode(),
    )
    audit.service.activate_policy(bundle, audit.custodian(state), soon())


def permit_emergencies(audit: AuditForTest) -> None:
    """From now on Utah demands a warrant for a criminal investigation, which may follow."""
    put_in_force(audit, utah(WARRANT_DEMANDED, EMERGENCY_PERMITTED))


def supervisor(audit: AuditForTest, agency: str = "us-ut-slcpd", **changes: Any) -> str:
    """A supervisor's token."""
    return audit.token("captain", Role.SUPERVISOR, agency=agency, **changes)
