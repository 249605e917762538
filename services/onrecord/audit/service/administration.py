"""Keys, models and policies: what is changed by people who answer for it."""

from collections.abc import Callable

from onrecord.audit.core.draft import (
    ActivatePolicy,
    Books,
    Draft,
    Existing,
    PinKey,
    Remember,
    UseModel,
)
from onrecord.audit.core.people import person, require_custodian, require_role
from onrecord.audit.core.policy import read_policy
from onrecord.audit.service.ports import Ledger, Policies
from onrecord.chassis.tokens import TokenVerifier
from onrecord.contracts.audit import ActivePolicy
from onrecord.contracts.field_reading import read_text
from onrecord.contracts.request_parsing import parse_jurisdiction
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import EntryKind, Role
from onrecord.proof.authority import (
    AuthorityBundle,
    Manifest,
    read_key,
    read_manifest,
    verify_bundle,
)
from onrecord.proof.entry import LoggedEntry

_MAX_MODEL_ID = 200


class Administration:
    """Writes who changed what a gallery is, and under which policy it is searched."""

    def __init__(
        self,
        ledger: Ledger,
        policies: Policies,
        tokens: TokenVerifier,
    ) -> None:
        self._ledger = ledger
        self._policies = policies
        self._tokens = tokens

    def pin_authority_key(
        self, jurisdiction: str, key: str, user_token: str, deadline: Deadline
    ) -> LoggedEntry:
        claims = self._tokens.verify(user_token)
        require_role(claims, Role.OPERATOR)
        parse_jurisdiction(jurisdiction, "jurisdiction")
        verifier = read_key(key, jurisdiction)

        def proposal(books: Books) -> Draft | Existing:
            pinned = books.authority_key(jurisdiction)
            if pinned is not None:
                if pinned[0] != verifier.text:
                    raise OnRecordError(
                        ErrorCode.SIGNATURE_INVALID,
                        f"another authority key of {jurisdiction} is pinned",
                        field="key",
                    )
                return Existing(pinned[1])
            body = {
                "what": "authority",
                "jurisdiction": jurisdiction,
                "key": verifier.text,
                "by": person(claims),
            }
            return Draft(EntryKind.KEY_CHANGED, body, (PinKey(jurisdiction, verifier.text),))

        return self._ledger.logged(self._ledger.append(proposal, deadline))

    def register_gallery_model(
        self, jurisdiction: str, model_id: str, user_token: str, deadline: Deadline
    ) -> LoggedEntry:
        claims = self._tokens.verify(user_token)
        require_role(claims, Role.OPERATOR)
        parse_jurisdiction(jurisdiction, "jurisdiction")
        read_text(model_id, "model_id", _MAX_MODEL_ID)

        def proposal(books: Books) -> Draft | Existing:
            active = books.model(jurisdiction)
            if active is not None and active[0] == model_id:
                return Existing(active[1])
            body = {"jurisdiction": jurisdiction, "model_id": model_id, "by": person(claims)}
            return Draft(EntryKind.MODEL_ACTIVATED, body, (UseModel(jurisdiction, model_id),))

        entry = self._ledger.logged(self._ledger.append(proposal, deadline))
        self._policies.refresh()
        return entry

    def activate_policy(
        self, bundle: AuthorityBundle, user_token: str, deadline: Deadline
    ) -> LoggedEntry:
        claims = self._tokens.verify(user_token)
        jurisdiction = read_manifest(bundle.manifest).jurisdiction
        require_custodian(claims, jurisdiction)
        manifest = verify_bundle(bundle, self._policies.keys(jurisdiction))
        state = read_policy(bundle.policy, bundle.authority, jurisdiction)
        rests_on = state.authority.instrument
        if manifest.key:
            # Before the policy, and repeatable: who dies in between sends the bundle once more.
            self._ledger.append(self._new_key(bundle, manifest, claims), deadline)

        def proposal(books: Books) -> Draft | Existing:
            marker = f"policy:{bundle.digest}"
            before = books.remembered(marker)
            if before is not None:
                return Existing(before)
            _check_follows(books, manifest)
            _check_newest_signed(books, bundle, jurisdiction)
            body = {
                "jurisdiction": jurisdiction,
                "version": manifest.version,
                "bundle": bundle.digest,
                "previous": manifest.previous,
                "instrument": {
                    "type": rests_on.kind,
                    "citation": rests_on.citation,
                    "section": rests_on.section,
                    "legislature_voted": rests_on.legislature_voted,
                },
                "effective": state.authority.effective.isoformat(),
                "expires": state.authority.expires.isoformat(),
                "by": person(claims),
            }
            activated = ActivatePolicy(jurisdiction, manifest.version, bundle)
            return Draft(EntryKind.POLICY_ACTIVATED, body, (activated, Remember(marker)))

        entry = self._ledger.logged(self._ledger.append(proposal, deadline))
        self._policies.refresh()
        return entry

    def _new_key(
        self, bundle: AuthorityBundle, manifest: Manifest, claims: Claims
    ) -> Callable[[Books], Draft | Existing]:
        """`key.changed`: from the next bundle on the new key signs, and only that one."""
        jurisdiction = manifest.jurisdiction

        def proposal(books: Books) -> Draft | Existing:
            marker = f"key:{bundle.digest}"
            before = books.remembered(marker)
            if before is not None:
                return Existing(before)
            _check_follows(books, manifest)
            pinned = _check_newest_signed(books, bundle, jurisdiction)
            if manifest.key in {key.text for key in self._policies.keys(jurisdiction)}:
                raise OnRecordError(
                    ErrorCode.SIGNATURE_INVALID,
                    "a key that the state has had already does not come back",
                    field="key",
                )
            body = {
                "what": "authority",
                "jurisdiction": jurisdiction,
                "key": manifest.key,
                "previous_key": pinned,
                "bundle": bundle.digest,
                "by": person(claims),
            }
            marks = (PinKey(jurisdiction, manifest.key), Remember(marker))
            return Draft(EntryKind.KEY_CHANGED, body, marks)

        return proposal

    def active_policies(self) -> tuple[ActivePolicy, ...]:
        """The policies in force, by state; one that cannot be read says so where it cites."""
        self._policies.refresh()
        shelf = self._policies.shelf()
        found = []
        for jurisdiction in sorted(shelf.policies):
            policy = shelf.policies[jurisdiction]
            authority = None if policy.state is None else policy.state.authority
            found.append(
                ActivePolicy(
                    jurisdiction=jurisdiction,
                    version=policy.version,
                    digest=policy.digest,
                    effective="" if authority is None else authority.effective.isoformat(),
                    expires="" if authority is None else authority.expires.isoformat(),
                    citation=policy.problem if authority is None else authority.instrument.citation,
                    legal_review="" if authority is None else authority.legal_review,
                )
            )
        return tuple(found)


def _check_follows(books: Books, manifest: Manifest) -> None:
    version, digest = books.active_policy(manifest.jurisdiction) or (0, "")
    if manifest.previous != digest or manifest.version <= version:
        raise OnRecordError(
            ErrorCode.POLICY_INVALID,
            f"the bundle follows {manifest.previous or 'none'} as version "
            f"{manifest.version}; in force is version {version} ({digest or 'none'})",
            field="manifest",
        )


def _check_newest_signed(books: Books, bundle: AuthorityBundle, jurisdiction: str) -> str:
    """The state's newest key, which alone signs what is new."""
    pinned = books.authority_key(jurisdiction)
    if pinned is None:
        verify_bundle(bundle, ())
        return ""
    try:
        verify_bundle(bundle, [read_key(pinned[0], jurisdiction)])
    except OnRecordError as error:
        if error.code is not ErrorCode.SIGNATURE_INVALID:
            raise
        named = pinned[0].rpartition("+")[0]
        raise OnRecordError(
            error.code, f"the bundle is not signed by the newest key of {jurisdiction}, {named}"
        ) from error
    return pinned[0]
