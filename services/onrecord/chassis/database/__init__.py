"""SQLite and PostgreSQL through one code path.

A writer takes the write lock when its transaction begins, not when it first writes: on SQLite by
`BEGIN IMMEDIATE`, on PostgreSQL by `SELECT ... FOR UPDATE` on the row that orders the writers
(the caller's `with_for_update()`, which SQLite leaves out of the statement), or by `take_turn`
where no row does.
"""

from onrecord.chassis.database.direct import Direct, answered
from onrecord.chassis.database.opening import DatabaseLimits, open_database
from onrecord.chassis.database.together import sent_together
from onrecord.chassis.database.transactions import (
    alone,
    reachable,
    read_transaction,
    take_turn,
    write_transaction,
)
from onrecord.chassis.database.write_ahead import forget

__all__ = [
    "DatabaseLimits",
    "Direct",
    "alone",
    "answered",
    "forget",
    "open_database",
    "reachable",
    "read_transaction",
    "sent_together",
    "take_turn",
    "write_transaction",
]
