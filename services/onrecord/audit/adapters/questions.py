"""What an appending transaction asks of the books: each statement is built once.

Building a statement takes as long as asking it, and an append asks a dozen.
"""

from sqlalchemy import bindparam, func, literal, null, select, union_all

from onrecord.audit.adapters import schema

ANSWERED = select(schema.idempotency.c.digest, schema.idempotency.c.entry).where(
    schema.idempotency.c.key == bindparam("at")
)
REMEMBERED = select(schema.markers.c.entry).where(schema.markers.c.marker == bindparam("at"))
SEARCH = select(
    schema.searches.c.entry, schema.searches.c.mandate, schema.searches.c.outcome
).where(schema.searches.c.search_id == bindparam("at"))
ENDS = select(schema.ends.c.gallery, schema.ends.c.kind, schema.ends.c.entry).where(
    schema.ends.c.search_id == bindparam("at")
)
EXAMINERS = select(
    schema.examiners.c.person, schema.examiners.c.task_id, schema.examiners.c.decided
).where(schema.examiners.c.search_id == bindparam("at"))
SEARCH_OF_GRANT = select(schema.searches.c.search_id).where(
    schema.searches.c.entry == bindparam("at")
)
BODY = select(schema.bodies.c.body).where(schema.bodies.c.idx == bindparam("at"))
LAST_RECEIPT = select(schema.receipt_heads.c.sequence, schema.receipt_heads.c.digest).where(
    schema.receipt_heads.c.gallery == bindparam("at")
)
REACH = select(schema.receipt_reach.c.made_at, schema.receipt_reach.c.gap).where(
    schema.receipt_reach.c.gallery == bindparam("at")
)
CHANGE = select(schema.changes_seen).where(
    schema.changes_seen.c.gallery == bindparam("at"),
    schema.changes_seen.c.sequence == bindparam("number"),
)
CHANGE_BEFORE = select(func.max(schema.changes_seen.c.sequence)).where(
    schema.changes_seen.c.gallery == bindparam("at"),
    schema.changes_seen.c.sequence < bindparam("number"),
)
ACTIVE_POLICY = (
    select(schema.bundles.c.version, schema.bundles.c.digest)
    .where(schema.bundles.c.jurisdiction == bindparam("at"))
    .order_by(schema.bundles.c.version.desc())
    .limit(1)
)
AUTHORITY_KEY = (
    select(schema.authority_keys.c.key, schema.authority_keys.c.entry)
    .where(schema.authority_keys.c.jurisdiction == bindparam("at"))
    .order_by(schema.authority_keys.c.entry.desc())
    .limit(1)
)
MODEL = (
    select(schema.gallery_models.c.model_id, schema.gallery_models.c.entry)
    .where(schema.gallery_models.c.jurisdiction == bindparam("at"))
    .order_by(schema.gallery_models.c.entry.desc())
    .limit(1)
)
USED = select(schema.counters.c.key, schema.counters.c.used).where(
    schema.counters.c.key.in_(bindparam("keys", expanding=True))
)
FORESEEN = union_all(
    select(
        literal(True).label("answered"),
        schema.idempotency.c.key,
        schema.idempotency.c.digest,
        schema.idempotency.c.entry.label("number"),
    ).where(schema.idempotency.c.key.in_(bindparam("keys", expanding=True))),
    select(literal(False), schema.counters.c.key, null(), schema.counters.c.used).where(
        schema.counters.c.key.in_(bindparam("counters", expanding=True))
    ),
)
"""What many proposals will ask, in one question: entries by idempotency key, and counts."""
HELD = select(schema.held_receipts).order_by(
    schema.held_receipts.c.gallery,
    schema.held_receipts.c.sequence,
    schema.held_receipts.c.since,
)
WAITS = select(schema.held_receipts.c.digest).where(
    schema.held_receipts.c.digest == bindparam("at")
)
HASH = select(schema.hashes.c.hash).where(
    schema.hashes.c.level == bindparam("at_level"), schema.hashes.c.idx == bindparam("at")
)
HASHES = select(schema.hashes.c.idx, schema.hashes.c.hash).where(
    schema.hashes.c.level == bindparam("at_level"),
    schema.hashes.c.idx >= bindparam("first"),
    schema.hashes.c.idx < bindparam("end"),
)
ENTRY = select(schema.bodies.c.nonce, schema.bodies.c.body).where(
    schema.bodies.c.idx == bindparam("at")
)
