"""What a ledger says, in lines that are safe to print: nothing in it may steer a terminal."""

from collections.abc import Mapping
from typing import Any

_SUMMARY_WIDTH = 100
_VALUE_WIDTH = 32

# What a reader needs last: it is the first to fall off the end of the line.
_LAST = ("attestation", "expires_at", "idempotency", "request_digest", "source")
# Of `by`, what its agency and person already say.
_SAID = ("subject", "token_id")


def summary(body: Mapping[str, Any]) -> str:
    """A body in one line of at most 100 characters, safe to print on a terminal."""
    names = [name for name in body if name not in ("kind", "time", *_LAST)]
    names += [name for name in _LAST if name in body]
    told = (f"{name}={_brief(body[name])}" for name in names)
    line = printable(" ".join(told))
    return line if len(line) <= _SUMMARY_WIDTH else line[: _SUMMARY_WIDTH - 1] + "…"


def _brief(value: Any) -> str:
    if isinstance(value, dict):
        if "person" in value:
            value = {name: item for name, item in value.items() if name not in _SAID}
        names = list(value)
        # `by` and the like are told by their values, `galleries` and the like by their names.
        flat = all(not isinstance(item, dict | list) for item in value.values())
        return ",".join(_brief(item) for item in value.values()) if flat else ",".join(names)
    if isinstance(value, list):
        flat = all(not isinstance(item, dict | list) for item in value)
        return ",".join(_brief(item) for item in value) if flat else f"[{len(value)}]"
    text = "-" if value is None else str(value)
    return text if len(text) <= _VALUE_WIDTH else text[:12] + "…"


def printable(text: str) -> str:
    """The text with every control and formatting character replaced."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
