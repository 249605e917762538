"""The suite as it stands, with the ledger in PostgreSQL."""

from tests.unit.audit.test_fan_out import *  # noqa: F403
