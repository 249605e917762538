"""The arrows of docs/architecture.md, read from its table."""

import re
from collections.abc import Mapping

from tests.architecture.source import ROOT

_HEADING = "### Who speaks to whom"
_NAME = re.compile(r"`([a-z-]+)`")


def arrows() -> Mapping[str, frozenset[str]]:
    """Who speaks to whom, by component; a component that is spoken to alone is no key."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    section = page.split(_HEADING, 1)[1]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    found = {}
    for row in rows:
        who, whom = row.strip("|").split("|")
        (name,) = _NAME.findall(who)
        found[name] = frozenset(_NAME.findall(whom))
    return found
