"""A state's policy, ready to be asked: parsed once, kept in memory (0.1 ms a question)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import cedarpy

from onrecord.audit.core.authority import Agency, Authority
from onrecord.audit.core.authority_reading import read_authority
from onrecord.audit.core.canonical_form import Forbid, Permit, PolicyText, read_policies
from onrecord.audit.core.cedar_bounds import check_bounds
from onrecord.audit.core.cedar_schema import SCHEMA
from onrecord.audit.core.plain_text import read_plain
from onrecord.kernel.errors import ErrorCode, OnRecordError


@dataclass(frozen=True, slots=True)
class Answer:
    """What Cedar said: permitted, or not; the rules that decided; what went wrong if anything."""

    permitted: bool
    permits: tuple[Permit, ...]
    forbids: tuple[Forbid, ...]
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatePolicy:
    """One authority bundle's content: the signed data, the policies, and Cedar's own handles."""

    authority: Authority
    text: PolicyText
    policies: cedarpy.PolicySet = field(repr=False, compare=False)
    entities: cedarpy.Entities = field(repr=False, compare=False)
    schema: cedarpy.Schema = field(repr=False, compare=False)

    def ask(self, agency: str, context: Mapping[str, str]) -> Answer:
        """Whether `agency` may search this gallery in `context` (every attribute of the schema).

        Cedar leaves out a policy that fails while it is evaluated, so the answer says what failed,
        and whoever asks must treat any failure as a refusal (law 5).
        """
        result = cedarpy.is_authorized(
            {
                "principal": {"type": "Agency", "id": agency},
                "action": {"type": "Action", "id": "search"},
                "resource": {"type": "Gallery", "id": self.authority.jurisdiction},
                "context": dict(context),
            },
            self.policies,
            self.entities,
            self.schema,
        )
        decided = set(result.diagnostics.reasons)
        return Answer(
            permitted=bool(result.allowed),
            permits=tuple(one for one in self.text.permits if one.policy_id in decided),
            forbids=tuple(one for one in self.text.forbids if one.policy_id in decided),
            errors=tuple(str(error) for error in result.diagnostics.errors),
        )


def read_policy(policy: bytes, authority: bytes, jurisdiction: str) -> StatePolicy:
    """Read both files of a bundle, and hold them to the schema and the canonical form.

    Raises POLICY_INVALID with the first thing that is wrong; nothing else, whatever Cedar does.
    """
    try:
        return _read(policy, authority, jurisdiction)
    except (OnRecordError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # Cedar's panics are no Exceptions
        raise _invalid(f"it cannot be read ({type(error).__name__})") from error


def _read(policy: bytes, authority: bytes, jurisdiction: str) -> StatePolicy:
    signed = read_authority(authority)
    if signed.jurisdiction != jurisdiction:
        raise _invalid(f"authority.yaml is {signed.jurisdiction}'s, not {jurisdiction}'s")
    text = read_plain(policy, "policy.cedar")
    check_bounds(text)
    found = read_policies(text, signed)
    if found.permits and signed.instrument.kind == "none":
        raise _invalid(
            f"it rests on no instrument (authority.yaml), so it cannot permit anything, and "
            f"{found.permits[0].label} permits"
        )
    schema = cedarpy.Schema.from_str(SCHEMA)
    checked = cedarpy.validate_policies(text, schema)
    if not checked.validation_passed:
        raise _invalid(f"policy.cedar does not fit the schema: {checked.errors[0]}")
    entities = cedarpy.Entities.from_json_str(_entities(signed), schema)
    return StatePolicy(signed, found, cedarpy.PolicySet.from_str(text), entities, schema)


def _entities(authority: Authority) -> str:
    groups_of: dict[str, list[str]] = {agency: [] for agency in authority.agencies}
    for group, members in authority.groups.items():
        for member in members:
            groups_of[member].append(group)
    entities = [_entity("Gallery", authority.jurisdiction, [])]
    entities += [_entity("AgencyGroup", group, []) for group in authority.groups]
    entities += [_entity("Agency", agency, groups) for agency, groups in groups_of.items()]
    return json.dumps(entities)


def _entity(kind: str, name: str, groups: list[str]) -> dict[str, object]:
    parents = [{"type": "AgencyGroup", "id": group} for group in groups]
    return {"uid": {"type": kind, "id": name}, "attrs": {}, "parents": parents}


def unknown_agency(agency_id: str) -> Agency:
    """How policies see an agency the authority does not list."""
    return Agency(agency_id, agency_id, "unknown", "unknown", "unknown")


def _invalid(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.POLICY_INVALID, f"the policy is refused: {why}")
