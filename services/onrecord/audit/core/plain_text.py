"""Text that reads the way it parses: what a state signs must be what its people have read (law 5).

A reader sees glyphs on lines; a parser sees code points. Where the two can differ, the file is
refused: characters that are invisible or turn the line around, letters that look like Latin ones,
other spaces and line ends than the plain ones, escapes, and text pushed out of sight.
"""

import re
import unicodedata

from onrecord.kernel.errors import ErrorCode, OnRecordError

MAX_BYTES = 256 * 1024
MAX_LINE = 500
_PUSHED = re.compile(r"\S[ \t]{40,}\S")
# Letters are Latin, accents included; signs and quotation marks may be any.
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs", "Me"})


def read_plain(data: bytes, name: str) -> str:
    """The file's text. Raises POLICY_INVALID, naming the file and the line."""
    if len(data) > MAX_BYTES:
        raise _invalid(name, f"it is larger than {MAX_BYTES // 1024} KiB")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _invalid(name, "it is not UTF-8") from error
    if text.isascii() and not _odd_ascii(text):
        _refuse_hidden(text, name)
        return text
    for number, line in enumerate(text.split("\n"), 1):
        for character in line:
            if (why := _why_not(character)) is not None:
                point = f"U+{ord(character):04X}"
                raise _invalid(name, f"it holds {point}, {why}", number)
    _refuse_hidden(text, name)
    return text


def _odd_ascii(text: str) -> bool:
    """Whether there is a backslash, or a control character other than a tab or a line feed."""
    return "\\" in text or any((one < " " and one not in "\n\t") or one == "\x7f" for one in text)


def _why_not(character: str) -> str | None:
    if character == "\\":
        return "a backslash: an escape reads otherwise than it parses"
    if character in " \t":
        return None
    category = unicodedata.category(character)
    if category in _INVISIBLE:
        return "which is invisible, or looks like a plain space"
    if unicodedata.normalize("NFKC", character) != character:
        return "which stands for other characters"
    if category[0] == "L" and not unicodedata.normalize("NFD", character)[0].isascii():
        return "which is no Latin letter, and may look like one"
    if category[0] == "N" and not character.isascii():
        return "which is no plain digit"
    if category[0] == "M":
        return "which changes the character before it"
    return None


def _refuse_hidden(text: str, name: str) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_LINE:
            raise _invalid(name, f"the line is longer than {MAX_LINE} characters", number)
        if _PUSHED.search(line):
            raise _invalid(name, "blanks push text out of sight", number)


def _invalid(name: str, why: str, line: int | None = None) -> OnRecordError:
    where = "" if line is None else f" (line {line})"
    return OnRecordError(ErrorCode.POLICY_INVALID, f"{name} is refused: {why}{where}")
