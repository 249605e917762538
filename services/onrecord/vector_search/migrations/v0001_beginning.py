"""The database `roster` as it was when migrations began."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Every table, and what makes it whole."""
    op.create_table(
        "galleries",
        sa.Column("jurisdiction", sa.String(length=5), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("metric", sa.String(length=2), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("live_records", sa.Integer(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("last_receipt", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("jurisdiction"),
    )
    op.create_table(
        "outbox",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "seen_checkpoints",
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("origin"),
    )
    op.create_table(
        "authority_keys",
        sa.Column("gallery", sa.String(length=5), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gallery"],
            ["galleries.jurisdiction"],
        ),
        sa.PrimaryKeyConstraint("gallery", "number"),
    )
    op.create_table(
        "deletions",
        sa.Column("gallery", sa.String(length=5), nullable=False),
        sa.Column("record_mac", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("not_returned_from", sa.String(length=23), nullable=False),
        sa.Column("compacted_at", sa.String(length=23), nullable=True),
        sa.Column("backups_expire_at", sa.String(length=23), nullable=False),
        sa.Column("deleted", sa.Text(), nullable=False),
        sa.Column("compacted", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["gallery"],
            ["galleries.jurisdiction"],
        ),
        sa.PrimaryKeyConstraint("gallery", "record_mac", "generation"),
    )
    op.create_table(
        "manifests",
        sa.Column("manifest_id", sa.String(length=64), nullable=False),
        sa.Column("gallery", sa.String(length=5), nullable=False),
        sa.Column("act", sa.String(length=8), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.String(length=23), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["gallery"],
            ["galleries.jurisdiction"],
        ),
        sa.PrimaryKeyConstraint("manifest_id"),
    )
    op.create_table(
        "records",
        sa.Column("enrolment_id", sa.String(length=32), nullable=False),
        sa.Column("gallery", sa.String(length=5), nullable=False),
        sa.Column("record_mac", sa.String(length=64), nullable=False),
        sa.Column("record_id", sa.String(length=128), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("image_sha256", sa.String(length=64), nullable=True),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("ticket", sa.String(length=80), nullable=False),
        sa.Column("ticket_attestation", sa.Text(), nullable=False),
        sa.Column("index_key", sa.String(length=64), nullable=False),
        sa.Column("vault_key", sa.Text(), nullable=False),
        sa.Column("ciphertext_sha256", sa.String(length=64), nullable=True),
        sa.Column("template_sha256", sa.String(length=64), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("remains", sa.Integer(), nullable=False),
        sa.Column("requested_at", sa.String(length=23), nullable=False),
        sa.Column("ended_at", sa.String(length=23), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("duplicate", sa.Integer(), nullable=False),
        sa.Column("authorised_by", sa.Text(), nullable=False),
        sa.Column("manifest_id", sa.String(length=64), nullable=True),
        sa.Column("row", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["gallery"],
            ["galleries.jurisdiction"],
        ),
        sa.PrimaryKeyConstraint("enrolment_id"),
        sa.UniqueConstraint("gallery", "record_mac", "generation"),
        sa.UniqueConstraint("index_key"),
        sa.UniqueConstraint("manifest_id", "row"),
    )
    op.create_index("records_by_image", "records", ["gallery", "image_sha256"])
    op.create_index("records_by_state", "records", ["gallery", "state"])
    op.create_index("records_remains", "records", ["gallery", "remains"])
    op.create_table(
        "searches",
        sa.Column("gallery", sa.String(length=5), nullable=False),
        sa.Column("mandate", sa.String(length=80), nullable=False),
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("grant_index", sa.BigInteger(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("template_sha256", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gallery"],
            ["galleries.jurisdiction"],
        ),
        sa.PrimaryKeyConstraint("gallery", "mandate"),
        sa.UniqueConstraint("gallery", "sequence"),
    )
    op.create_index(op.f("ix_searches_mandate"), "searches", ["mandate"])
    op.create_table(
        "transport_keys",
        sa.Column("gallery", sa.String(length=5), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("seal_until", sa.String(length=23), nullable=False),
        sa.Column("opens_until", sa.String(length=23), nullable=False),
        sa.Column("destroyed_at", sa.String(length=23), nullable=True),
        sa.ForeignKeyConstraint(
            ["gallery"],
            ["galleries.jurisdiction"],
        ),
        sa.PrimaryKeyConstraint("gallery", "key_id"),
    )
    op.create_table(
        "verified_policies",
        sa.Column("gallery", sa.String(length=5), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("authority_key", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["gallery"],
            ["galleries.jurisdiction"],
        ),
        sa.PrimaryKeyConstraint("gallery", "digest", "authority_key"),
    )
    op.create_table(
        "candidates",
        sa.Column("candidate_ref", sa.String(length=32), nullable=False),
        sa.Column("gallery", sa.String(length=5), nullable=False),
        sa.Column("mandate", sa.String(length=80), nullable=False),
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("grant_index", sa.BigInteger(), nullable=False),
        sa.Column("enrolment_id", sa.String(length=32), nullable=False),
        sa.Column("similarity", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"],
            ["records.enrolment_id"],
        ),
        sa.ForeignKeyConstraint(
            ["gallery"],
            ["galleries.jurisdiction"],
        ),
        sa.PrimaryKeyConstraint("candidate_ref"),
    )
    op.create_index(op.f("ix_candidates_mandate"), "candidates", ["mandate"])
    op.create_table(
        "chunks",
        sa.Column("manifest_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("delivered_at", sa.String(length=23), nullable=True),
        sa.Column("salt", sa.LargeBinary(length=32), nullable=False),
        sa.Column("closed_at", sa.String(length=23), nullable=True),
        sa.Column("change", sa.Text(), nullable=True),
        sa.Column("counts", sa.Text(), nullable=True),
        sa.Column("duplicates", sa.Integer(), nullable=True),
        sa.Column("forgotten", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["manifest_id"],
            ["manifests.manifest_id"],
        ),
        sa.PrimaryKeyConstraint("manifest_id", "number"),
    )
    op.create_table(
        "gallery_changes",
        sa.Column("enrolment_id", sa.String(length=32), nullable=False),
        sa.Column("gallery", sa.String(length=5), nullable=False),
        sa.Column("attestation", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"],
            ["records.enrolment_id"],
        ),
        sa.ForeignKeyConstraint(
            ["gallery"],
            ["galleries.jurisdiction"],
        ),
        sa.PrimaryKeyConstraint("enrolment_id"),
    )
    op.create_table(
        "manifest_rows",
        sa.Column("manifest_id", sa.String(length=64), nullable=False),
        sa.Column("row", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("record_mac", sa.String(length=64), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("image_sha256", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("enrolment_id", sa.String(length=32), nullable=True),
        sa.Column("duplicate", sa.Integer(), nullable=False),
        sa.Column("leaf", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["manifest_id"],
            ["manifests.manifest_id"],
        ),
        sa.PrimaryKeyConstraint("manifest_id", "row"),
    )
    op.create_index("manifest_rows_by_record", "manifest_rows", ["record_mac", "manifest_id"])
    op.create_index("manifest_rows_by_status", "manifest_rows", ["manifest_id", "chunk", "status"])
