"""An index of the deletions whose vectors still stand in files (expand).

Upkeep asks for them once a minute, among all the deletions that ever were.
"""

from onrecord.chassis.database.steps import add_index

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """While the plane writes."""
    add_index(
        "deletions_uncompacted",
        "deletions",
        ["gallery", "not_returned_from"],
        where="compacted_at IS NULL",
    )
