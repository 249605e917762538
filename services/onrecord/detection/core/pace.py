"""How much detection takes on at once."""

from typing import Final

PORTRAITS_AT_ONCE: Final = 2
"""Worked on side by side: decoding and finding are most of an enrolment."""
