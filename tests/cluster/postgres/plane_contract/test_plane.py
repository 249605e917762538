"""The suite as it stands, with the roster in PostgreSQL."""

from tests.contract.test_plane import *  # noqa: F403
