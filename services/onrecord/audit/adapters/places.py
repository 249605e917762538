"""How far audit has read the bus, by its own books (ADR 19)."""

from sqlalchemy import Engine, select

from onrecord.audit.adapters import schema
from onrecord.audit.core.draft import Place
from onrecord.chassis.database import read_transaction


class StoredPlaces:
    """Reads what the appending transactions have written."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, topic: str, number: int) -> Place | None:
        """None before anything of the partition was taken in."""
        table = schema.bus_offsets
        with read_transaction(self._engine) as connection:
            row = connection.execute(
                select(table).where(table.c.topic == topic, table.c.number == number)
            ).first()
        if row is None:
            return None
        return Place(topic, number, int(row.next_offset), str(row.digest))
