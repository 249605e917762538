"""Where in the ledger a time is."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from onrecord.audit.adapters import schema
from onrecord.kernel.times import format_time

_TIME = select(schema.entries.c.time).where(schema.entries.c.idx == bindparam("at"))


def first_since(connection: Connection, since: datetime, size: int) -> int:
    """The first of `size` entries that is not before `since`; `size` where all are."""
    begins = format_time(since)  # times of entries are of one form: their order is the texts'
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if str(connection.execute(_TIME, {"at": middle}).scalar_one()) < begins:
            low = middle + 1
        else:
            high = middle
    return low
