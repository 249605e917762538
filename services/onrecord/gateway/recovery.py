"""After a start: finish what the last process did not (R-22)."""

from onrecord.gateway.settling import Settling


class Recovery:
    """Repeatable, and harmless beside another gateway that does the same."""

    def __init__(self, settling: Settling) -> None:
        self._settling = settling

    def run(self) -> None:
        """Settle every search that is on its way. What is out of reach is left for later: each
        search is settled again whenever somebody looks at it.
        """
        self._settling.recover()
