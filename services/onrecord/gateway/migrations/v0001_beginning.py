"""The database `casework` as it was when migrations began."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Every table, and what makes it whole."""
    op.create_table(
        "dead_letters",
        sa.Column(
            "letter_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("topic", sa.String(length=128), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("gallery", sa.String(length=16), nullable=False),
        sa.Column("enrolment_id", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("time", sa.String(length=32), nullable=False),
        sa.Column("redriven_at", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("letter_id"),
        sa.UniqueConstraint("topic", "partition", "offset"),
        sqlite_autoincrement=True,
    )
    op.create_index("dead_letters_by_gallery", "dead_letters", ["gallery", "letter_id"])
    op.create_table(
        "enrolments",
        sa.Column("enrolment_id", sa.String(length=64), nullable=False),
        sa.Column("gallery", sa.String(length=16), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("model_id", sa.String(length=256), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("announced", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("enrolment_id"),
    )
    op.create_index("enrolments_by_change", "enrolments", ["changed_at"])
    op.create_table(
        "events",
        sa.Column(
            "event_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("time", sa.String(length=32), nullable=False),
        sa.Column("audience", sa.String(length=600), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("ref", sa.String(length=256), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_audience", "events", ["audience", "event_id"])
    op.create_index("events_by_time", "events", ["time"])
    op.create_table(
        "examiners",
        sa.Column("person", sa.String(length=256), nullable=False),
        sa.Column("agency", sa.String(length=256), nullable=False),
        sa.Column("training_completed", sa.Date(), nullable=False),
        sa.Column("joined_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("person"),
    )
    op.create_table(
        "searches",
        sa.Column("search_id", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=256), nullable=False),
        sa.Column("agency", sa.String(length=256), nullable=False),
        sa.Column("client", sa.String(length=256), nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=128), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("probe_sha256", sa.String(length=64), nullable=False),
        sa.Column("list_size", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.String(length=32), nullable=True),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("galleries", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_probe", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_candidates", sa.LargeBinary(), nullable=True),
        sa.Column("outcome_index", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("search_id"),
        sa.UniqueConstraint("person", "agency", "idempotency_key"),
    )
    op.create_index("searches_by_case", "searches", ["agency", "case_number"])
    op.create_index("searches_by_status", "searches", ["status"])
    op.create_table(
        "told_changes",
        sa.Column("statement_sha256", sa.String(length=64), nullable=False),
        sa.Column("time", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("statement_sha256"),
    )
    op.create_table(
        "tasks",
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("search_id", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=256), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("sealed_order", sa.LargeBinary(), nullable=True),
        sa.Column("decision_digest", sa.String(length=64), nullable=True),
        sa.Column("decision_index", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["search_id"],
            ["searches.search_id"],
        ),
        sa.PrimaryKeyConstraint("task_id"),
        sa.UniqueConstraint("search_id", "person"),
    )
    op.create_index("tasks_by_person", "tasks", ["person", "task_id"])
