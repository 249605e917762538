"""`onrecord demo`: one search, from the photograph to the lead, told as it happens."""

from onrecord.cli.demo.command import demo

__all__ = ["demo"]
