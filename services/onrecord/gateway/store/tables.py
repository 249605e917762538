"""The schema `casework`. It holds no `record_id` and no portrait; a probe only sealed.

Times are RFC 3339 texts as the ledger writes them, so that their order is their order.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

searches = Table(
    "searches",
    metadata,
    Column("search_id", String(64), primary_key=True),
    Column("person", String(256), nullable=False),
    Column("agency", String(256), nullable=False),
    Column("client", String(256), nullable=False),
    Column("case_number", Text, nullable=False),
    Column("idempotency_key", String(128), nullable=False),
    Column("request_digest", String(64), nullable=False),
    Column("probe_sha256", String(64), nullable=False),
    Column("list_size", Integer, nullable=False),
    Column("status", String(32), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("expires_at", String(32)),
    Column("entry", Text, nullable=False),
    Column("galleries", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("quality", Text, nullable=False),
    # The search's data key under the casework key. Without it the next two columns are noise.
    Column("wrapped_key", LargeBinary),
    Column("sealed_probe", LargeBinary),
    Column("sealed_candidates", LargeBinary),
    Column("outcome_index", BigInteger),
    UniqueConstraint("person", "agency", "idempotency_key"),
    Index("searches_by_case", "agency", "case_number"),
    Index("searches_by_status", "status"),
    Index("searches_by_person", "person", "agency", "search_id"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("task_id", String(64), primary_key=True),
    Column("search_id", String(64), ForeignKey("searches.search_id"), nullable=False),
    Column("person", String(256), nullable=False),
    Column("status", String(16), nullable=False),
    Column("sealed_order", LargeBinary),
    Column("decision_digest", String(64)),
    Column("decision_index", BigInteger),
    UniqueConstraint("search_id", "person"),
    Index("tasks_by_person", "person", "task_id"),
)

examiners = Table(
    "examiners",
    metadata,
    Column("person", String(256), primary_key=True),
    Column("agency", String(256), nullable=False),
    Column("training_completed", Date, nullable=False),
    Column("joined_at", String(32), nullable=False),
)

events = Table(
    "events",
    metadata,
    # The ids of events that were forgotten are not given again: they are clients' cursors.
    Column(
        "event_id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("time", String(32), nullable=False),
    Column("audience", String(600), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("ref", String(256), nullable=False),
    Column("data", Text, nullable=False),
    Index("events_by_audience", "audience", "event_id"),
    Index("events_by_time", "time"),
    sqlite_autoincrement=True,
)
