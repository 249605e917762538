"""What the pages tell a person on duty to type at Kubernetes: each command, and what it does."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.architecture.source import ROOT

_DOCS: Final = ROOT / "docs"
PAGES: Final = ("operations", "install")
_CODE: Final = re.compile(r"```sh\n(.*?)```|`([^`\n]+)`", re.DOTALL)
_MARK: Final = "*on the API server*"
_OURS: Final = re.compile(r"(?:kubectl|helm) .* |(?:logs|pods) ")
"""With what it is done to: `helm install` alone is the name of a command."""
_DEFINED: Final = re.compile(r"^(\w+\(\) \{.*\})$", re.MULTILINE)
_OF_KUBECTL: Final = re.compile(r"kubectl (?:-n \S+ )?([\w-]+)")
_OF_HELM: Final = re.compile(r"helm (?:-n \S+ )?([\w-]+)")


@dataclass(frozen=True, slots=True)
class Typed:
    """A command of one program, without what it is piped to."""

    page: str
    text: str

    @property
    def verb(self) -> str:
        """`get`, `drain`, `rollback`, ...; `logs` and `pods` are the page's own."""
        for pattern in (_OF_KUBECTL, _OF_HELM):
            if found := pattern.match(self.text):
                return found[1]
        return self.text.split()[0]

    def __str__(self) -> str:
        return f"{self.page}: {self.text}"


def functions() -> str:
    """The shell functions that the page on operations begins with."""
    found = _DEFINED.findall((_DOCS / "operations.md").read_text("utf-8"))
    assert {one.split("(")[0] for one in found} == {"logs", "pods"}
    return "\n".join(found)


def typed() -> Sequence[Typed]:
    """Each once. What `test_install_guide.py` types is not among them."""
    found: dict[Typed, None] = {}
    for page in PAGES:
        text = (_DOCS / f"{page}.md").read_text("utf-8")
        for match in _CODE.finditer(text):
            if not text[: match.start()].rstrip().endswith(_MARK):
                for line in (match[1] or match[2]).replace("\\\n", " ").splitlines():
                    for one in re.split(r" &&? | \| |;", line.split("  #")[0]):
                        if _OURS.match(one.strip()):
                            found[Typed(page, one.strip().removesuffix(" &"))] = None
    return list(found)
