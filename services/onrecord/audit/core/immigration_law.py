"""Whether an offence is one of federal immigration law, however it is cited (R-5).

Title 8 of the United States Code, its regulations, and the act that they come from. What a state's
own statute hides is not seen.
"""

import re
import unicodedata

_CODE = r"(?:us ?code|united ?states ?code|usc[as]?|code ?of ?federal ?regulations|cfr)"
_EIGHT = r"(?:8|viii|eight)"
_CITED = re.compile(
    rf"\b{_EIGHT} (?:of )?(?:the )?{_CODE}\b"
    rf"|\b{_CODE} title {_EIGHT}\b"
    r"|\bina(?:s|sec|section)?\b"
    r"|\bimmigration ?(?:and ?)?nationality ?act\b"
)
_WORD = re.compile(r"[a-z]+|[0-9]+")
_INITIALS = re.compile(r"\b([a-z]) (?=[a-z]\b)")


def cites_immigration_law(statute: str) -> bool:
    """Whether a citation names immigration law. Title 18, and a state's own Title 8, are not it."""
    return _CITED.search(_words(statute)) is not None


def _words(text: str) -> str:
    """Words and numbers alone, one blank between them: `8 U. S. C. §1326(a)` is `8 usc 1326 a`."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    seen = (one for one in plain if unicodedata.category(one) not in ("Cf", "Mn"))
    return _INITIALS.sub(r"\1", " ".join(_WORD.findall("".join(seen))))
