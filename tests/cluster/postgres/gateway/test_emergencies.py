"""The suite as it stands, with the casework in PostgreSQL."""

from tests.unit.gateway.test_emergencies import *  # noqa: F403
