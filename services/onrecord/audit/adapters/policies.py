"""The policies in force: read from the ledger's database when its epoch changes, kept parsed."""

import threading
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from onrecord.audit.adapters import schema
from onrecord.audit.core.evaluation import PolicyInForce, PolicyShelf
from onrecord.audit.core.policy import read_policy
from onrecord.chassis.database import read_transaction
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.authority import AuthorityBundle, verify_bundle
from onrecord.proof.notes import NoteVerifier


class StoredPolicies:
    """Implements `service.ports.Policies`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._shelf: PolicyShelf | None = None
        self._parsed: dict[str, PolicyInForce] = {}

    def shelf(self) -> PolicyShelf:
        shelf = self._shelf
        return shelf if shelf is not None else self._read()

    def refresh(self) -> None:
        self._read()

    def bundle(self, digest: str) -> AuthorityBundle:
        table = schema.bundles
        with read_transaction(self._engine) as connection:
            row = connection.execute(select(table).where(table.c.digest == digest)).first()
        if row is None:
            raise OnRecordError(
                ErrorCode.POLICY_MISSING, f"no policy with the digest {digest[:64]} is known"
            )
        return _bundle(row)

    def keys(self, jurisdiction: str) -> tuple[NoteVerifier, ...]:
        with read_transaction(self._engine) as connection:
            return _keys(connection, jurisdiction)

    def _read(self) -> PolicyShelf:
        with self._lock, read_transaction(self._engine) as connection:
            epoch = connection.execute(select(schema.head.c.policy_epoch)).scalar_one()
            if self._shelf is None or self._shelf.epoch != epoch:
                self._shelf = PolicyShelf(
                    int(epoch), self._policies(connection), _models(connection)
                )
            return self._shelf

    def _policies(self, connection: Connection) -> dict[str, PolicyInForce]:
        table = schema.bundles
        newest = (
            select(table.c.jurisdiction, func.max(table.c.version).label("version"))
            .group_by(table.c.jurisdiction)
            .subquery()
        )
        rows = connection.execute(
            select(table).join(
                newest,
                (table.c.jurisdiction == newest.c.jurisdiction)
                & (table.c.version == newest.c.version),
            )
        ).all()
        found = {
            str(row.jurisdiction): self._parsed.get(row.digest) or _in_force(connection, row)
            for row in rows
        }
        self._parsed = {policy.digest: policy for policy in found.values()}
        return found


def _in_force(connection: Connection, row: Row[Any]) -> PolicyInForce:
    """Checked again as it is read: a database is not a signature (law 5)."""
    jurisdiction, version, digest = str(row.jurisdiction), int(row.version), str(row.digest)
    try:
        bundle = _bundle(row)
        manifest = verify_bundle(bundle, _keys(connection, jurisdiction))
        if (manifest.jurisdiction, bundle.digest) != (jurisdiction, digest):
            raise OnRecordError(ErrorCode.POLICY_INVALID, "it is not the bundle it is stored as")
        state = read_policy(bundle.policy, bundle.authority, jurisdiction)
    except (OnRecordError, TypeError) as error:
        # A value of another type than we write is as good a sign of tampering as any.
        return PolicyInForce(jurisdiction, version, digest, None, str(error))
    return PolicyInForce(jurisdiction, version, digest, state)


def _bundle(row: Row[Any]) -> AuthorityBundle:
    return AuthorityBundle(
        policy=bytes(row.policy),
        authority=bytes(row.authority),
        manifest=bytes(row.manifest),
        signature=str(row.signature),
    )


def _keys(connection: Connection, jurisdiction: str) -> tuple[NoteVerifier, ...]:
    table = schema.authority_keys
    rows = connection.execute(select(table.c.key).where(table.c.jurisdiction == jurisdiction))
    return tuple(NoteVerifier.parse(key) for key in rows.scalars())


def _models(connection: Connection) -> dict[str, str]:
    table = schema.gallery_models
    rows = connection.execute(
        select(table.c.jurisdiction, table.c.model_id).order_by(table.c.entry)
    )
    return {str(row.jurisdiction): str(row.model_id) for row in rows}
