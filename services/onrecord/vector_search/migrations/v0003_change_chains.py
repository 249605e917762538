"""Where each gallery's chain of changes ends (expand: an older plane numbers none)."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """One table, empty: a gallery's chain begins with its next change."""
    op.create_table(
        "change_chains",
        sa.Column("gallery", sa.String(length=5), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["gallery"], ["galleries.jurisdiction"]),
        sa.PrimaryKeyConstraint("gallery"),
    )
