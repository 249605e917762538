"""Audit's use-cases."""
