"""Galleries, the keys pinned for them, and the policies those keys were seen to sign."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, insert, select, update

from onrecord.chassis.database import Direct
from onrecord.kernel.cards import Metric
from onrecord.proof import canonical
from onrecord.proof.attestation import Attestation
from onrecord.vector_search.core.values import NO_RECEIPT, Gallery
from onrecord.vector_search.roster.schema import (
    authority_keys,
    galleries,
    searches,
    verified_policies,
)

_FIRST_KEY = 1


@dataclass(frozen=True, slots=True)
class Chain:
    """How many live records a gallery has, and where its chain of receipts ends."""

    live_records: int
    last_sequence: int
    last_receipt: str


def find(tx: Connection, jurisdiction: str) -> Gallery | None:
    return find_named(tx, [jurisdiction]).get(jurisdiction)


def find_named(tx: Connection, jurisdictions: Sequence[str]) -> dict[str, Gallery]:
    """Those of these that there are, by jurisdiction."""
    rows = _NAMED.rows(tx, {"named": jurisdictions})
    return {gallery.jurisdiction: gallery for gallery in map(_gallery, rows)}


def find_all(tx: Connection) -> tuple[Gallery, ...]:
    """Every gallery, by jurisdiction."""
    return tuple(
        _gallery(tuple(row)) for row in tx.execute(_with_key().order_by(galleries.c.jurisdiction))
    )


def lock(tx: Connection, jurisdiction: str) -> Gallery | None:
    """The gallery, held against every other writer until the transaction ends."""
    tx.execute(
        select(galleries.c.jurisdiction)
        .where(galleries.c.jurisdiction == jurisdiction)
        .with_for_update()
    )
    return find(tx, jurisdiction)


def lock_chains(tx: Connection, jurisdictions: Sequence[str]) -> dict[str, Chain]:
    """The ends of these galleries' chains of receipts, held against every other writer.

    All writers that hold several take them in the order of their names.
    """
    rows = _CHAINS.rows(tx, {"named": jurisdictions})
    return {name: Chain(*end) for name, *end in rows}


def last_receipt(tx: Connection, jurisdiction: str, chain: Chain) -> Attestation | None:
    """The end of the chain as `lock_chains` gave it; None before the first receipt."""
    at = {"named": jurisdiction, "sequence": chain.last_sequence}
    rows = _LAST.rows(tx, at)
    return Attestation.from_json(canonical.decode(rows[0][0].encode())) if rows else None


def add(tx: Connection, gallery: Gallery) -> None:
    """Store a gallery with its first authority key."""
    tx.execute(
        insert(galleries).values(
            jurisdiction=gallery.jurisdiction,
            model_id=gallery.model_id,
            dimension=gallery.dimension,
            metric=gallery.metric.value,
            public_key=gallery.public_key,
            live_records=0,
            last_sequence=0,
            last_receipt=NO_RECEIPT,
        )
    )
    tx.execute(
        insert(authority_keys).values(
            gallery=gallery.jurisdiction, number=_FIRST_KEY, key=gallery.authority_key
        )
    )


def add_authority_key(tx: Connection, jurisdiction: str, key: str) -> None:
    """The key that the state has put in place of its newest; the caller holds the gallery's lock.

    The gallery exists. Repeatable.
    """
    newest = tx.execute(
        select(authority_keys.c.number, authority_keys.c.key)
        .where(authority_keys.c.gallery == jurisdiction)
        .order_by(authority_keys.c.number.desc())
        .limit(1)
    ).one()
    if newest.key != key:
        tx.execute(
            insert(authority_keys).values(gallery=jurisdiction, number=newest.number + 1, key=key)
        )


def count_live(tx: Connection, jurisdiction: str, difference: int) -> None:
    """Add to the number of live records; the caller holds the gallery's lock."""
    tx.execute(
        update(galleries)
        .where(galleries.c.jurisdiction == jurisdiction)
        .values(live_records=galleries.c.live_records + difference)
    )


def advance(tx: Connection, chains: Mapping[str, Chain]) -> None:
    """The galleries' latest receipts; the caller holds the galleries' locks."""
    ends = [
        {"named": name, "sequence": chain.last_sequence, "receipt": chain.last_receipt}
        for name, chain in chains.items()
    ]
    _ADVANCE.run_each(tx, ends)


def policy_is_verified(tx: Connection, gallery: Gallery, digest: str) -> bool:
    """Whether the gallery's pinned key was seen to sign the policy with this digest."""
    found = select(verified_policies.c.digest).where(
        verified_policies.c.gallery == gallery.jurisdiction,
        verified_policies.c.digest == digest,
        verified_policies.c.authority_key == gallery.authority_key,
    )
    return tx.execute(found).one_or_none() is not None


def add_verified_policy(tx: Connection, gallery: Gallery, digest: str) -> None:
    """Remember it; the caller holds the gallery's lock."""
    if not policy_is_verified(tx, gallery, digest):
        tx.execute(
            insert(verified_policies).values(
                gallery=gallery.jurisdiction, digest=digest, authority_key=gallery.authority_key
            )
        )


def _with_key() -> Select[tuple[object, ...]]:
    """Galleries with the latest of their authority keys."""
    latest = (
        select(authority_keys.c.key)
        .where(authority_keys.c.gallery == galleries.c.jurisdiction)
        .order_by(authority_keys.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(*galleries.c, latest.label("authority_key"))


def _gallery(row: tuple[Any, ...]) -> Gallery:
    held = dict(zip(_COLUMNS, row, strict=True))
    return Gallery(**{**held, "metric": Metric(held["metric"])})


_COLUMNS = (*galleries.c.keys(), "authority_key")
_NAMED = Direct(
    _with_key().where(galleries.c.jurisdiction.in_(bindparam("named", expanding=True))),
    listed="named",
)
_CHAINS = Direct(
    select(
        galleries.c.jurisdiction,
        galleries.c.live_records,
        galleries.c.last_sequence,
        galleries.c.last_receipt,
    )
    .where(galleries.c.jurisdiction.in_(bindparam("named", expanding=True)))
    .order_by(galleries.c.jurisdiction)
    .with_for_update(),
    listed="named",
)
_LAST = Direct(
    select(searches.c.receipt).where(
        searches.c.gallery == bindparam("named"), searches.c.sequence == bindparam("sequence")
    )
)
_ADVANCE = Direct(
    update(galleries)
    .where(galleries.c.jurisdiction == bindparam("named"))
    .values(last_sequence=bindparam("sequence"), last_receipt=bindparam("receipt"))
)
