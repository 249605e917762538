"""Two indexes that were missing (expand: an older gateway does without).

Forgetting what custodians were told went through every change there ever was, and a page of a
person's searches through all of that person's.
"""

from onrecord.chassis.database.steps import add_index

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """While gateways write."""
    add_index("told_changes_by_time", "told_changes", ["time"])
    add_index("searches_by_person", "searches", ["person", "agency", "search_id"])
