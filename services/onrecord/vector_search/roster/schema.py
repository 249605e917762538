"""The tables of the database `roster`."""

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
    insert,
    select,
)

from onrecord.chassis.database import write_transaction

VERSION = 1

metadata = MetaData()

schema_version = Table(
    "schema_version", metadata, Column("version", Integer, primary_key=True, autoincrement=False)
)

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

# A state's first key is pinned by the plane's operator; later ones will be signed by the one
# before, so the table holds them in order.
authority_keys = Table(
    "authority_keys",
    metadata,
    Column("gallery", ForeignKey("galleries.jurisdiction"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
)

records = Table(
    "records",
    metadata,
    Column("enrolment_id", String(32), primary_key=True),
    Column("gallery", ForeignKey("galleries.jurisdiction"), nullable=False),
    Column("record_id", String(128), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("state", String(8), nullable=False),
    Column("image_sha256", String(64), nullable=False),
    Column("model_id", Text, nullable=False),
    Column("ticket", String(80), nullable=False),
    Column("index_key", String(64), nullable=False, unique=True),
    Column("vault_key", Text, nullable=False),
    Column("template_sha256", String(64)),
    Column("wrapped_key", LargeBinary),
    # 1 while the sealed portrait or the vector of a gone generation may still stand somewhere.
    Column("remains", Integer, nullable=False),
    UniqueConstraint("gallery", "record_id", "generation"),
    Index("records_remains", "gallery", "remains"),
)

gallery_changes = Table(
    "gallery_changes",
    metadata,
    Column("enrolment_id", ForeignKey("records.enrolment_id"), primary_key=True),
    Column("gallery", ForeignKey("galleries.jurisdiction"), nullable=False),
    Column("attestation", Text, nullable=False),
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
    Column("payload", LargeBinary, nullable=False),
    Column("created_at", String(23), nullable=False),
    Column("published_at", String(23)),
)


def create_schema(engine: Engine) -> None:
    """Make the tables where there are none. `RuntimeError` for a database of another version."""
    metadata.create_all(engine)
    with write_transaction(engine) as tx:
        held = tx.execute(select(schema_version.c.version)).scalar_one_or_none()
        if held is None:
            tx.execute(insert(schema_version).values(version=VERSION))
        elif held != VERSION:
            raise RuntimeError(f"the roster is of version {held}, this program needs {VERSION}")
