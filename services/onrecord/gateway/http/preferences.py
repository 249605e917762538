"""`Prefer: wait=N` (RFC 7240): how long a client would rather wait for an end than ask again."""

import re

_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?([0-9]{1,6})\"?\s*(?=[,;]|$)", re.IGNORECASE)


def preferred_wait(header: str | None, most: int) -> int:
    """Seconds, at most `most`; 0 where none is preferred. A preference that is none is ignored."""
    found = _WAIT.search(header or "")
    return 0 if found is None else min(most, int(found.group(1)))
