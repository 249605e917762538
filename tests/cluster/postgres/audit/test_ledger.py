"""The suite as it stands, with the ledger in PostgreSQL: R-24, R-48 from a real dump too."""

from tests.unit.audit.test_ledger import *  # noqa: F403

# It takes SQLite's triggers away, by name.
del test_a_database_that_does_not_hold_together_is_not_opened  # noqa: F821
