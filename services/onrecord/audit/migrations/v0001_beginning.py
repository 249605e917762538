"""The database `ledger` as it was when migrations began."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_REFUSAL = "the ledger is append-only"
_APPEND_ONLY = (
    "entries",
    "bodies",
    "subtree_hashes",
    "published_checkpoints",
    "witnessed_checkpoints",
    "idempotency",
    "markers",
    "authority_bundles",
    "authority_keys",
    "gallery_models",
)
_EMPTY_ROOT = hashlib.sha256(b"").digest()


def upgrade() -> None:
    """Every table, and what makes it whole."""
    op.create_table(
        "bus_offsets",
        sa.Column("topic", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("topic", "number"),
    )
    op.create_table(
        "entries",
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("time", sa.String(length=32), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("idx"),
    )
    op.create_table(
        "held_receipts",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("gallery", sa.String(length=8), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.Column("attestation", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    head = op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("last_time", sa.String(length=32), nullable=False),
        sa.Column("policy_epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "open_grants",
        sa.Column("search_id", sa.String(length=64), nullable=False),
        sa.Column("gallery", sa.String(length=8), nullable=False),
        sa.Column("due", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("search_id", "gallery"),
    )
    op.create_index(op.f("ix_open_grants_due"), "open_grants", ["due"])
    op.create_table(
        "published_checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("time", sa.String(length=32), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_table(
        "quota_counters",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("gallery", sa.String(length=8), nullable=False),
        sa.Column("scope", sa.String(length=32), nullable=False),
        sa.Column("time_window", sa.String(length=16), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "receipt_heads",
        sa.Column("gallery", sa.String(length=8), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("gallery"),
    )
    op.create_table(
        "subtree_hashes",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("level", "idx"),
    )
    op.create_table(
        "witnessed_checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("time", sa.String(length=32), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_table(
        "authority_bundles",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.LargeBinary(), nullable=False),
        sa.Column("authority", sa.LargeBinary(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry"],
            ["entries.idx"],
        ),
        sa.PrimaryKeyConstraint("digest"),
        sa.UniqueConstraint("jurisdiction", "version"),
    )
    op.create_table(
        "authority_keys",
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry"],
            ["entries.idx"],
        ),
        sa.PrimaryKeyConstraint("jurisdiction", "key"),
    )
    op.create_table(
        "bodies",
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("nonce", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["idx"],
            ["entries.idx"],
        ),
        sa.PrimaryKeyConstraint("idx"),
    )
    op.create_table(
        "gallery_models",
        sa.Column("entry", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("model_id", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry"],
            ["entries.idx"],
        ),
        sa.PrimaryKeyConstraint("entry"),
    )
    op.create_table(
        "idempotency",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry"],
            ["entries.idx"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "markers",
        sa.Column("marker", sa.String(length=600), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry"],
            ["entries.idx"],
        ),
        sa.PrimaryKeyConstraint("marker"),
    )
    op.create_table(
        "searches",
        sa.Column("search_id", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("mandate", sa.String(length=80), nullable=False),
        sa.Column("outcome", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["entry"],
            ["entries.idx"],
        ),
        sa.ForeignKeyConstraint(
            ["outcome"],
            ["entries.idx"],
        ),
        sa.PrimaryKeyConstraint("search_id"),
        sa.UniqueConstraint("entry"),
        sa.UniqueConstraint("mandate"),
    )
    op.create_table(
        "emergencies",
        sa.Column("search_id", sa.String(length=64), nullable=False),
        sa.Column("gallery", sa.String(length=8), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("due", sa.String(length=32), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("followed", sa.BigInteger(), nullable=True),
        sa.Column("alarmed", sa.BigInteger(), nullable=True),
        sa.Column("lifted", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["alarmed"],
            ["entries.idx"],
        ),
        sa.ForeignKeyConstraint(
            ["entry"],
            ["entries.idx"],
        ),
        sa.ForeignKeyConstraint(
            ["followed"],
            ["entries.idx"],
        ),
        sa.ForeignKeyConstraint(
            ["lifted"],
            ["entries.idx"],
        ),
        sa.ForeignKeyConstraint(
            ["search_id"],
            ["searches.search_id"],
        ),
        sa.PrimaryKeyConstraint("search_id", "gallery"),
    )
    op.create_index(op.f("ix_emergencies_due"), "emergencies", ["due"])
    op.create_index(op.f("ix_emergencies_person"), "emergencies", ["person"])
    op.create_table(
        "search_ends",
        sa.Column("search_id", sa.String(length=64), nullable=False),
        sa.Column("gallery", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry"],
            ["entries.idx"],
        ),
        sa.ForeignKeyConstraint(
            ["search_id"],
            ["searches.search_id"],
        ),
        sa.PrimaryKeyConstraint("search_id", "gallery"),
    )
    op.create_table(
        "search_examiners",
        sa.Column("search_id", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("task_id", sa.String(length=128), nullable=False),
        sa.Column("decided", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["decided"],
            ["entries.idx"],
        ),
        sa.ForeignKeyConstraint(
            ["search_id"],
            ["searches.search_id"],
        ),
        sa.PrimaryKeyConstraint("search_id", "person"),
        sa.UniqueConstraint("search_id", "task_id"),
    )
    dialect = op.get_context().dialect.name
    if dialect == "postgresql":
        op.execute(
            "CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
        )
    for table in _APPEND_ONLY:
        _guard(dialect, table)
    op.bulk_insert(
        head,
        [{"id": 1, "size": 0, "root": _EMPTY_ROOT, "last_time": "", "policy_epoch": 0}],
    )


def _guard(dialect: str, table: str) -> None:
    if dialect == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()"
    )
