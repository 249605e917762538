"""How much detection takes on at once."""

from typing import Final

PORTRAITS_AT_ONCE: Final = 2
"""Worked on side by side: decoding and finding are most of an enrolment."""

PORTRAITS_IN_A_POLL: Final = 16
"""Few, so that embedding begins while the rest is still worked on, and does not stand alone at the
end with a large one."""

BESIDE = 4
"""Threads for what is done beside something else for a probe, whoever waits for it."""
