"""Attacker: has a state's authority key, or a custodian's token, or both."""

from onrecord.contracts.enrolment import RowStatus
from onrecord.kernel.errors import ErrorCode
from onrecord.proof.authority import AuthorityBundle, build_bundle, key_name
from onrecord.proof.manifests import Row
from onrecord.proof.notes import NoteSigner
from tests.attacks.conftest import Refused, entries
from tests.builders.audit import POLICIES, soon
from tests.builders.joined import Joined
from tests.builders.plane import UTAH, portrait, record_name, sha256


def _law(joined: Joined, signer: NoteSigner, next_signer: NoteSigner | None) -> AuthorityBundle:
    active = {one.jurisdiction: one for one in joined.audit.service.active_policies(soon())}[UTAH]
    folder = POLICIES / UTAH
    return build_bundle(
        (folder / "policy.cedar").read_bytes(),
        (folder / "authority.yaml").read_bytes(),
        jurisdiction=UTAH,
        version=active.version + 1,
        previous=active.digest,
        signer=signer,
        next_signer=next_signer,
    )


def test_the_states_key_alone_puts_nothing_in_force(joined: Joined, refused: Refused) -> None:
    law = _law(joined, joined.audit.state_keys[UTAH], None)
    refused(
        ErrorCode.ROLE_MISSING,
        lambda: joined.audit.service.activate_policy(law, joined.audit.operator(), soon()),
    )
    refused(
        ErrorCode.ROLE_MISSING,
        lambda: joined.audit.service.activate_policy(law, joined.audit.custodian("US-VT"), soon()),
    )


def test_a_custodians_token_alone_puts_nothing_in_force(joined: Joined, refused: Refused) -> None:
    thief = NoteSigner.generate(key_name(UTAH))
    refused(
        ErrorCode.SIGNATURE_INVALID,
        lambda: joined.audit.service.activate_policy(
            _law(joined, thief, None), joined.audit.custodian(UTAH), soon()
        ),
    )


def test_possible_both_together_take_the_state_over(joined: Joined, refused: Refused) -> None:
    """The attack succeeds: the plane follows the key, and the state is locked out. Two entries
    under the custodian's name say so to whoever watches (R-1).
    """
    thief, state = NoteSigner.generate(key_name(UTAH)), joined.audit.state_keys[UTAH]
    custodian = joined.audit.custodian(UTAH)
    joined.audit.service.activate_policy(_law(joined, state, thief), custodian, soon())
    granted, found = joined.searched(1)
    assert found.candidates
    refused(
        ErrorCode.SIGNATURE_INVALID,
        lambda: joined.audit.service.activate_policy(_law(joined, state, None), custodian, soon()),
    )
    last = [one for one in entries(joined.audit) if one["by"].get("person") == "custodian-us-ut"]
    assert [one["kind"] for one in last[-2:]] == ["key.changed", "policy.activated"]
    assert granted.granted


def test_possible_a_list_with_a_false_date_brings_a_deleted_record_back(joined: Joined) -> None:
    """The attack succeeds with both; without the key the list is nobody's."""
    world = joined.world
    joined.plane.delete_record(UTAH, record_name(1), world.custodian(), soon())
    row = Row(record_name(1), sha256(portrait(1)), "a.jpg")
    honest = world.manifest([row], by=joined.audit.state_keys[UTAH])
    world.clock.pass_by(seconds=5)
    false = world.manifest([row], by=joined.audit.state_keys[UTAH])
    for signed, status in ((honest, RowStatus.REJECTED), (false, RowStatus.AWAITED)):
        world.open_manifest(signed)
        (held,) = joined.plane.manifest_rows(signed.ref(0), list(RowStatus), 0, 10, soon())
        assert held.status is status


def test_a_list_by_another_key_is_nobodys(joined: Joined, refused: Refused) -> None:
    """R-42."""
    row = Row(record_name(8), sha256(portrait(8)), "a.jpg")
    signed = joined.world.manifest([row], by=NoteSigner.generate(key_name(UTAH)))
    refused(ErrorCode.SIGNATURE_INVALID, lambda: joined.world.open_manifest(signed))


def test_possible_a_stolen_custodians_token_enrols_and_deletes(joined: Joined) -> None:
    """The attack succeeds until the token expires; each act is an entry under the name (R-21)."""
    joined.plane.delete_record(UTAH, record_name(2), joined.world.custodian(), soon())
    joined.audit.take_in()
    last = entries(joined.audit)[-1]
    assert last["kind"] == "record.deleted"
    assert last["change"]["by"]["person"] == "custodian"
