"""`onrecord preflight`: is an installation fit to serve (R-47)? One file a subject."""

from onrecord.cli.preflight.command import preflight

__all__ = ["preflight"]
