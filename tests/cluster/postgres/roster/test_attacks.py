"""The suite as it stands, with the roster in PostgreSQL."""

from tests.unit.vector_search.test_attacks import *  # noqa: F403
