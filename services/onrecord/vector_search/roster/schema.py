"""The tables of the database `roster`."""

from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from onrecord.chassis.database.history import History, prepare

metadata = MetaData()

galleries = Table(
    "galleries",
    metadata,
    Column("jurisdiction", String(5), primary_key=True),
    Column("model_id", Text, nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("metric", String(2), nullable=False),
    Column("public_key", LargeBinary(32), nullable=False),
    Column("live_records", Integer, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("last_receipt", String(64), nullable=False),
)

# A state's first key is pinned by the plane's operator; a later one comes with a bundle that it and
# the one before have signed, so the table holds them in order.
authority_keys = Table(
    "authority_keys",
    metadata,
    Column("gallery", ForeignKey("galleries.jurisdiction"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
)

# One generation of one record. `record_mac` is a keyed hash of the record id under a key of the
# gallery's: it finds the older generations of a record whose id has been destroyed (law 9).
records = Table(
    "records",
    metadata,
    Column("enrolment_id", String(32), primary_key=True),
    Column("gallery", ForeignKey("galleries.jurisdiction"), nullable=False),
    Column("record_mac", String(64), nullable=False),
    Column("record_id", String(128)),  # None once the record is deleted
    Column("generation", Integer, nullable=False),
    Column("state", String(8), nullable=False),
    Column("image_sha256", String(64)),  # None once the record is deleted
    Column("model_id", Text, nullable=False),
    # The mandate under which its portrait is processed, and the signed ticket itself.
    Column("ticket", String(80), nullable=False),
    Column("ticket_attestation", Text, nullable=False),
    Column("index_key", String(64), nullable=False, unique=True),
    Column("vault_key", Text, nullable=False),
    Column("ciphertext_sha256", String(64)),  # of the vault's object, once it has been submitted
    Column("template_sha256", String(64)),
    Column("wrapped_key", LargeBinary),  # from submission until it is destroyed
    # 1 while the sealed portrait or the vector of a gone generation may still stand somewhere.
    Column("remains", Integer, nullable=False),
    Column("requested_at", String(23), nullable=False),
    Column("ended_at", String(23)),  # live, rejected or gone since
    Column("code", String(64)),  # why it was rejected
    Column("message", Text),
    Column("duplicate", Integer, nullable=False),
    Column("authorised_by", Text, nullable=False),  # canonical JSON: a person, or a manifest
    Column("manifest_id", String(64)),
    Column("row", BigInteger),
    UniqueConstraint("gallery", "record_mac", "generation"),
    UniqueConstraint("manifest_id", "row"),
    Index("records_remains", "gallery", "remains"),
    Index("records_by_image", "gallery", "image_sha256"),
    Index("records_by_state", "gallery", "state"),
)

# What was said to the ledger of an enrolment that no manifest carries: a chunk of one.
gallery_changes = Table(
    "gallery_changes",
    metadata,
    Column("enrolment_id", ForeignKey("records.enrolment_id"), primary_key=True),
    Column("gallery", ForeignKey("galleries.jurisdiction"), nullable=False),
    Column("attestation", Text, nullable=False),
)

# The number and hash of the last change that was said of each gallery.
change_chains = Table(
    "change_chains",
    metadata,
    Column("gallery", ForeignKey("galleries.jurisdiction"), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
)

manifests = Table(
    "manifests",
    metadata,
    Column("manifest_id", String(64), primary_key=True),
    Column("gallery", ForeignKey("galleries.jurisdiction"), nullable=False),
    Column("act", String(8), nullable=False),
    Column("header", LargeBinary, nullable=False),
    Column("signature", Text, nullable=False),
    Column("opened_at", String(23), nullable=False),
    Column("opened_by", Text, nullable=False),  # canonical JSON: the custodian
    # Rejected rows stand in the ledger as HMACs under this; destroyed to unlink them.
    Column("secret", LargeBinary),
)

chunks = Table(
    "chunks",
    metadata,
    Column("manifest_id", ForeignKey("manifests.manifest_id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("delivered_at", String(23)),  # once the last of its rows is held
    Column("salt", LargeBinary(32), nullable=False),  # of every commitment in its statement
    Column("closed_at", String(23)),
    Column("change", Text),  # the attestation, once closed
    # Kept when the chunk is closed and its accepted rows are forgotten: canonical JSON.
    Column("counts", Text),
    Column("duplicates", Integer),
    Column("forgotten", Integer, nullable=False),  # 1 once its rows were cut down to a report
)

# Of a chunk that is open every row, of a closed one those that are worth a report.
manifest_rows = Table(
    "manifest_rows",
    metadata,
    Column("manifest_id", ForeignKey("manifests.manifest_id"), primary_key=True),
    Column("row", BigInteger, primary_key=True, autoincrement=False),
    Column("chunk", Integer, nullable=False),
    Column("record_mac", String(64), nullable=False),
    Column("record_id", Text, nullable=False),
    Column("image_sha256", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("status", String(10), nullable=False),
    Column("code", String(64)),
    Column("enrolment_id", String(32)),
    Column("duplicate", Integer, nullable=False),
    # What stands for it under its chunk's root, made when it ended: a SHA-256 in hexadecimal.
    Column("leaf", String(64)),
    Index("manifest_rows_by_status", "manifest_id", "chunk", "status"),
    Index("manifest_rows_by_record", "record_mac", "manifest_id"),
)

deletions = Table(
    "deletions",
    metadata,
    Column("gallery", ForeignKey("galleries.jurisdiction"), primary_key=True),
    Column("record_mac", String(64), primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("not_returned_from", String(23), nullable=False),
    Column("compacted_at", String(23)),
    Column("backups_expire_at", String(23), nullable=False),
    Column("deleted", Text, nullable=False),  # attestations
    Column("compacted", Text),
    Index(
        "deletions_uncompacted",
        "gallery",
        "not_returned_from",
        sqlite_where=text("compacted_at IS NULL"),
        postgresql_where=text("compacted_at IS NULL"),
    ),
)

# The keys themselves stand beside the galleries' private keys, never here.
transport_keys = Table(
    "transport_keys",
    metadata,
    Column("gallery", ForeignKey("galleries.jurisdiction"), primary_key=True),
    Column("key_id", String(32), primary_key=True),
    Column("seal_until", String(23), nullable=False),
    Column("opens_until", String(23), nullable=False),
    Column("destroyed_at", String(23)),
)

seen_checkpoints = Table(
    "seen_checkpoints",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("note", Text, nullable=False),
)

verified_policies = Table(
    "verified_policies",
    metadata,
    Column("gallery", ForeignKey("galleries.jurisdiction"), primary_key=True),
    Column("digest", String(64), primary_key=True),
    # The key that verified it: a policy is not still verified when another key is pinned.
    Column("authority_key", String(300), primary_key=True),
)

searches = Table(
    "searches",
    metadata,
    Column("gallery", ForeignKey("galleries.jurisdiction"), primary_key=True),
    Column("mandate", String(80), primary_key=True, index=True),
    Column("search_id", Text, nullable=False),
    Column("grant_index", BigInteger, nullable=False),
    Column("model_id", Text, nullable=False),
    Column("template_sha256", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("receipt", Text, nullable=False),
    UniqueConstraint("gallery", "sequence"),
)

candidates = Table(
    "candidates",
    metadata,
    Column("candidate_ref", String(32), primary_key=True),
    Column("gallery", ForeignKey("galleries.jurisdiction"), nullable=False),
    Column("mandate", String(80), nullable=False, index=True),
    Column("search_id", Text, nullable=False),
    Column("grant_index", BigInteger, nullable=False),
    Column("enrolment_id", ForeignKey("records.enrolment_id"), nullable=False),
    Column("similarity", Integer, nullable=False),
)

# What is to be published, written with what it tells of (law 3). BigInteger would not count up
# by itself on SQLite.
outbox = Table(
    "outbox",
    metadata,
    Column(
        "number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("headers", Text, nullable=False),  # canonical JSON
    Column("payload", LargeBinary, nullable=False),
    # A number is never given twice: a relay that has published one takes it off the table later,
    # and must not take another message that came to stand under it.
    sqlite_autoincrement=True,
)
"""Rows go when they have been published: what stands here is still to be."""


ROSTER = History(
    service="vector-search",
    steps=Path(__file__).resolve().parents[1] / "migrations",
    metadata=metadata,
    needs=3,
)


def create_schema(engine: Engine) -> None:
    """See that the database is one that a plane can work on. Raises SCHEMA_MISMATCH."""
    prepare(engine, ROSTER)
