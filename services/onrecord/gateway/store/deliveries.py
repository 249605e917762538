"""Which of the planes' receipts the ledger is known to hold."""

from sqlalchemy import Engine, insert, select, update

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.gateway.store import tables


class DeliveryStore:
    """One number a gallery: the sequence of the last receipt delivered."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def last(self, gallery: str) -> int:
        """0 where none was."""
        wanted = select(tables.deliveries.c.sequence).where(tables.deliveries.c.gallery == gallery)
        with read_transaction(self._engine) as connection:
            return int(connection.execute(wanted).scalar() or 0)

    def delivered(self, gallery: str, sequence: int) -> None:
        """Never goes back."""
        table = tables.deliveries
        with write_transaction(self._engine) as connection:
            known = connection.execute(
                select(table.c.sequence).where(table.c.gallery == gallery).with_for_update()
            ).scalar()
            if known is None:
                connection.execute(insert(table).values(gallery=gallery, sequence=sequence))
            elif known < sequence:
                connection.execute(
                    update(table).where(table.c.gallery == gallery).values(sequence=sequence)
                )
