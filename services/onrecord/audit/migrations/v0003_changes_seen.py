"""Which numbered changes of galleries the ledger holds (expand: an older audit does without)."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """One table, empty: it fills with the changes that come."""
    op.create_table(
        "changes_seen",
        sa.Column("gallery", sa.String(length=8), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("gallery", "sequence"),
    )
    op.create_index("ix_changes_seen_since", "changes_seen", ["since"])
