"""The suite as it stands, with the casework in PostgreSQL."""

from tests.unit.gateway.test_manifests import *  # noqa: F403
