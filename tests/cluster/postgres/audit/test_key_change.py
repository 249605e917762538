"""The suite as it stands, with the ledger in PostgreSQL."""

from tests.unit.audit.test_key_change import *  # noqa: F403
