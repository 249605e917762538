"""How far a gallery's receipts have come in time (expand: an older audit does without)."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """One table, empty: it fills with the receipts that come."""
    op.create_table(
        "receipt_reach",
        sa.Column("gallery", sa.String(length=8), nullable=False),
        sa.Column("made_at", sa.String(length=32), nullable=False),
        sa.Column("gap", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gallery"),
    )
