"""Tests that need real parts: `make test-cluster`."""
