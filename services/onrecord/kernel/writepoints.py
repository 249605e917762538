"""Named places between two writes, where a crash must do no harm (R-22).

A use-case calls `reached(name)` between its writes. In service nothing listens; a crash test
injects a listener that ends the process there.
"""

from collections.abc import Callable

WritePoint = Callable[[str], None]


def unobserved(name: str) -> None:
    """The listener of a running service: a write point passes without effect."""
    del name
