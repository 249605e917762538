"""The `ledger` database. What is in the ledger is never changed: the database itself refuses."""

from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    text,
)

from onrecord.chassis.database.history import History, prepare
from onrecord.proof.merkle import EMPTY_ROOT

metadata = MetaData()

# One row: the order of all writers. Whoever appends holds it.
head = Table(
    "ledger_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("last_time", String(32), nullable=False),
    Column("policy_epoch", BigInteger, nullable=False),
)

entries = Table(
    "entries",
    metadata,
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(64), nullable=False),
    Column("time", String(32), nullable=False),
    Column("leaf", LargeBinary, nullable=False),
)

# Apart from the entries, because a body may one day be destroyed and a leaf never.
bodies = Table(
    "bodies",
    metadata,
    Column("idx", BigInteger, ForeignKey("entries.idx"), primary_key=True, autoincrement=False),
    Column("nonce", LargeBinary(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
)

hashes = Table(
    "subtree_hashes",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
)

published = Table(
    "published_checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("time", String(32), nullable=False),
    Column("note", Text, nullable=False),
)

# The largest checkpoints that a quorum of witnesses had cosigned, with their cosignatures.
witnessed = Table(
    "witnessed_checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("time", String(32), nullable=False),
    Column("note", Text, nullable=False),
)

# What follows follows from the entries: kept so that the next append can be decided quickly.
idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("entry", BigInteger, ForeignKey("entries.idx"), nullable=False),
)

markers = Table(
    "markers",
    metadata,
    Column("marker", String(600), primary_key=True),
    Column("entry", BigInteger, ForeignKey("entries.idx"), nullable=False),
)

counters = Table(
    "quota_counters",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("gallery", String(8), nullable=False),
    Column("scope", String(32), nullable=False),
    Column("time_window", String(16), nullable=False),
    Column("used", BigInteger, nullable=False),
)

searches = Table(
    "searches",
    metadata,
    Column("search_id", String(64), primary_key=True),
    Column("entry", BigInteger, ForeignKey("entries.idx"), nullable=False, unique=True),
    Column("mandate", String(80), nullable=False, unique=True),
    Column("outcome", BigInteger, ForeignKey("entries.idx")),
)

ends = Table(
    "search_ends",
    metadata,
    Column("search_id", String(64), ForeignKey("searches.search_id"), primary_key=True),
    Column("gallery", String(8), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("entry", BigInteger, ForeignKey("entries.idx"), nullable=False),
)

examiners = Table(
    "search_examiners",
    metadata,
    Column("search_id", String(64), ForeignKey("searches.search_id"), primary_key=True),
    Column("person", String(200), primary_key=True),
    Column("task_id", String(128), nullable=False),
    Column("decided", BigInteger, ForeignKey("entries.idx")),
    UniqueConstraint("search_id", "task_id"),
)

receipt_heads = Table(
    "receipt_heads",
    metadata,
    Column("gallery", String(8), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
)

# How far a gallery's receipts have come in time, and the last alarm that some never came: what
# shows that a search without an end will get none (law 3).
receipt_reach = Table(
    "receipt_reach",
    metadata,
    Column("gallery", String(8), primary_key=True),
    Column("made_at", String(32), nullable=False),
    Column("gap", BigInteger, nullable=False),
)

# Galleries of granted searches without an end yet, and when they must have one.
open_grants = Table(
    "open_grants",
    metadata,
    Column("search_id", String(64), primary_key=True),
    Column("gallery", String(8), primary_key=True),
    Column("due", String(32), nullable=False, index=True),
)

# Receipts that came before the one they follow.
held_receipts = Table(
    "held_receipts",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("gallery", String(8), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("since", String(32), nullable=False),
    Column("attestation", Text, nullable=False),
)

# The numbered changes of galleries that stand in the ledger. `since`: when one came whose
# predecessor had not, as long as that lacks and nobody was told.
changes_seen = Table(
    "changes_seen",
    metadata,
    Column("gallery", String(8), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("since", String(32), index=True),
)

# How far the bus has been taken in: moved in the transaction that appends what was read (ADR 19).
bus_offsets = Table(
    "bus_offsets",
    metadata,
    Column("topic", String(200), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
)

# Granted as an emergency, by gallery: when the follow-up is due, and the entries that settle it.
emergencies = Table(
    "emergencies",
    metadata,
    Column("search_id", String(64), ForeignKey("searches.search_id"), primary_key=True),
    Column("gallery", String(8), primary_key=True),
    Column("person", String(200), nullable=False, index=True),
    Column("due", String(32), nullable=False, index=True),
    Column("entry", BigInteger, ForeignKey("entries.idx"), nullable=False),
    Column("followed", BigInteger, ForeignKey("entries.idx")),
    Column("alarmed", BigInteger, ForeignKey("entries.idx")),
    Column("lifted", BigInteger, ForeignKey("entries.idx")),
)

bundles = Table(
    "authority_bundles",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("jurisdiction", String(8), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("entry", BigInteger, ForeignKey("entries.idx"), nullable=False),
    Column("policy", LargeBinary, nullable=False),
    Column("authority", LargeBinary, nullable=False),
    Column("manifest", LargeBinary, nullable=False),
    Column("signature", Text, nullable=False),
    UniqueConstraint("jurisdiction", "version"),
)

authority_keys = Table(
    "authority_keys",
    metadata,
    Column("jurisdiction", String(8), primary_key=True),
    Column("key", String(300), primary_key=True),
    Column("entry", BigInteger, ForeignKey("entries.idx"), nullable=False),
)

gallery_models = Table(
    "gallery_models",
    metadata,
    Column("entry", BigInteger, ForeignKey("entries.idx"), primary_key=True, autoincrement=False),
    Column("jurisdiction", String(8), nullable=False),
    Column("model_id", String(300), nullable=False),
)

APPEND_ONLY = (
    entries,
    bodies,
    hashes,
    published,
    witnessed,
    idempotency,
    markers,
    bundles,
    authority_keys,
    gallery_models,
)
"""Tables whose rows the database refuses to change or remove."""

HEAD_ID = 1


def create_ledger(engine: Engine) -> None:
    """See that the database is one that audit can work on. Raises SCHEMA_MISMATCH."""
    prepare(engine, LEDGER)


def _complete(connection: Connection) -> None:
    """Guards, and the head of an empty log."""
    for table in APPEND_ONLY:
        for statement in _guards(connection.dialect.name, table.name):
            connection.execute(text(statement))
    connection.execute(
        insert(head).values(id=HEAD_ID, size=0, root=EMPTY_ROOT, last_time="", policy_epoch=0)
    )


def _guards(dialect: str, table: str) -> tuple[str, ...]:
    """Triggers that refuse UPDATE and DELETE, in the words of each database."""
    refusal = "the ledger is append-only"
    if dialect == "sqlite":
        return tuple(
            f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
            for act in ("UPDATE", "DELETE")
        )
    return (
        "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{refusal}'; END $$",
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()",
    )


_MOVES = "SELECT, INSERT, UPDATE"
_COMES_AND_GOES = "SELECT, INSERT, DELETE"

LEDGER = History(
    service="audit",
    steps=Path(__file__).resolve().parents[1] / "migrations",
    metadata=metadata,
    needs=3,
    complete=_complete,
    # What is in the ledger stays as it is, so nobody has the right to change it. The head is one
    # row, made with its table.
    rights={
        **{table.name: "SELECT, INSERT" for table in APPEND_ONLY},
        head.name: "SELECT, UPDATE",
        counters.name: _MOVES,
        searches.name: _MOVES,
        ends.name: "SELECT, INSERT",
        examiners.name: _MOVES,
        receipt_heads.name: _MOVES,
        receipt_reach.name: _MOVES,
        changes_seen.name: _MOVES,
        open_grants.name: _COMES_AND_GOES,
        held_receipts.name: _COMES_AND_GOES,
        bus_offsets.name: _MOVES,
        emergencies.name: _MOVES,
    },
)
