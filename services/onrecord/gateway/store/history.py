"""The history of the database `casework`."""

from pathlib import Path

from onrecord.chassis.database.history import History
from onrecord.gateway.store.gallery_tables import told_changes

CASEWORK = History(
    service="gateway",
    steps=Path(__file__).resolve().parents[1] / "migrations",
    metadata=told_changes.metadata,  # every table of it, those of galleries among them
    needs=1,
)
