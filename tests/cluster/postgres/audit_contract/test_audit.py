"""The suite as it stands, with the ledger in PostgreSQL."""

from tests.contract.test_audit import *  # noqa: F403
