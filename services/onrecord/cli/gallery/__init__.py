"""`onrecord gallery`: what a custodian does with a gallery."""

from onrecord.cli.gallery.command import gallery

__all__ = ["gallery"]
