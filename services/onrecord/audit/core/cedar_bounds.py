"""How large and how deep a policy may be, found out before Cedar sees it.

Cedar's parser descends by the depth of what it reads, without a bound of its own: three kilobytes
of brackets end the process. So brackets are counted here, and words, which bound every other way
to nest (`a.b.c`, `if`, `&&`). Escapes have been refused already, so a string ends at its quote.
"""

import re

from onrecord.kernel.errors import ErrorCode, OnRecordError

MAX_DEPTH = 16
MAX_WORDS = 1000
"""In one policy."""

# Strings, comments and blanks first, so that nothing in them counts as one of the others.
_WORD = re.compile(r'"[^"]*"|//[^\n]*|\s+|\w+|.', re.DOTALL)


def check_bounds(text: str) -> None:
    """Raises POLICY_INVALID where a policy is nested too deeply or too long."""
    depth = words = 0
    for match in _WORD.finditer(text):
        word = match.group()
        if word.isspace() or word.startswith("//"):
            continue
        words += 1
        if word in "([{":
            depth += 1
        elif word in ")]}":
            depth -= 1
        elif word == ";":
            words = 0
        if depth > MAX_DEPTH:
            raise _invalid("is nested too deeply", text, match.start())
        if words > MAX_WORDS:
            why = f"has a policy of more than {MAX_WORDS} words and signs"
            raise _invalid(why, text, match.start())


def _invalid(why: str, text: str, at: int) -> OnRecordError:
    line = text.count("\n", 0, at) + 1
    return OnRecordError(
        ErrorCode.POLICY_INVALID, f"policy.cedar is refused: it {why} (line {line})"
    )
