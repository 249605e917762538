"""The part of the schema `casework` that says how far enrolments are. No `record_id` (law 6)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from onrecord.gateway.store.tables import metadata

enrolments = Table(
    "enrolments",
    metadata,
    Column("enrolment_id", String(64), primary_key=True),
    Column("gallery", String(16), nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("model_id", String(256), nullable=False),
    Column("status", String(16), nullable=False),
    # The rank of the status: what is written only ever raises it.
    Column("rank", Integer, nullable=False),
    Column("code", String(64)),
    Column("message", Text, nullable=False),
    Column("details", Text, nullable=False),
    # Asked for one by one, so that its custodian hears of it when it is live, too.
    Column("announced", Boolean, nullable=False),
    Column("changed_at", String(32), nullable=False),
    Index("enrolments_by_change", "changed_at"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column(
        "letter_id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("topic", String(128), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("gallery", String(16), nullable=False),
    Column("enrolment_id", String(64), nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("code", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("time", String(32), nullable=False),
    Column("redriven_at", String(32)),
    # A letter may be told twice, and stand twice on its topic; it is about one message.
    UniqueConstraint("topic", "partition", "offset"),
    Index("dead_letters_by_gallery", "gallery", "letter_id"),
    sqlite_autoincrement=True,
)

told_changes = Table(
    "told_changes",
    metadata,
    Column("statement_sha256", String(64), primary_key=True),
    Column("time", String(32), nullable=False),
    Index("told_changes_by_time", "time"),
)
"""Changes that custodians have been told of: the bus tells them more than once."""
