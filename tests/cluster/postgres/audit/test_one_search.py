"""The suite as it stands, with the ledger in PostgreSQL."""

from tests.unit.audit.test_one_search import *  # noqa: F403
