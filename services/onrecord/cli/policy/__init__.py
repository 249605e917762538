"""`onrecord policy`: what a state does with its authority."""

from onrecord.cli.policy.command import policy

__all__ = ["policy"]
