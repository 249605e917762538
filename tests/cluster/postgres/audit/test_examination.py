"""The suite as it stands, with the ledger in PostgreSQL."""

from tests.unit.audit.test_examination import *  # noqa: F403
