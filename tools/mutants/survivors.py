"""What became of each mutant: read from mutmut's own files, told by what changed in the code."""

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import ndiff
from itertools import takewhile

from tools.mutants.subjects import Subject
from tools.mutants.workspace import KILLED, TIMED_OUT, UNDER_A_RULE

_SEPARATOR = "__mutmut_"
_AROUND = 48


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of one function. Its name there is mutmut's and moves; `was` and `becomes` stay."""

    key: str
    module: str
    function: str
    verdict: str
    """`killed`, `timeout`, `survived`, `no tests`, `by rule`, `not run`, or another of mutmut's."""
    original: ast.AST
    changed: ast.AST
    was: str
    becomes: str


def mutants_of(subject: Subject) -> Iterator[Mutant]:
    """Every mutant of a subject that was made, in the order of the modules."""
    for module in subject.modules:
        yield from _mutants_in(subject, module)


def _mutants_in(subject: Subject, module: str) -> Iterator[Mutant]:
    path = subject.workspace / "mutants" / "src" / "onrecord" / module
    meta = path.with_name(path.name + ".meta")
    if not meta.is_file():
        return
    verdicts = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
    functions = _functions(path.read_text("utf-8"))
    for key, code in verdicts.items():
        name = key.rpartition(".")[2]
        stem = name.partition(_SEPARATOR)[0]
        verdict = _verdict(code)
        original, changed = functions[f"{stem}{_SEPARATOR}orig"], functions[name]
        was, becomes = ("", "") if verdict == "killed" else _diff(original, changed)
        function = stem.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
        yield Mutant(key, module, function, verdict, original, changed, was, becomes)


def _verdict(code: int | None) -> str:
    if code is None:
        return "not run"
    if code in TIMED_OUT:
        return "timeout"
    if code in KILLED:
        return "killed"
    return {0: "survived", 33: "no tests", 5: "no tests", UNDER_A_RULE: "by rule"}.get(
        code, str(code)
    )


def _functions(source: str) -> dict[str, ast.AST]:
    found: dict[str, ast.AST] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and _SEPARATOR in node.name:
            found[node.name] = node
            node.name = "f"
    return found


def _diff(original: ast.AST, changed: ast.AST) -> tuple[str, str]:
    before, after = (ast.unparse(node).splitlines() for node in (original, changed))
    lines = list(ndiff(before, after, linejunk=None, charjunk=None))
    was = " ; ".join(line[2:].strip() for line in lines if line.startswith("- "))
    becomes = " ; ".join(line[2:].strip() for line in lines if line.startswith("+ "))
    start = _common(was, becomes)
    end = _common(was[start:][::-1], becomes[start:][::-1])
    return _middle(was, start, end), _middle(becomes, start, end)


def _middle(text: str, start: int, end: int) -> str:
    """The text without what is far from the change, which is between `start` and `-end`."""
    first = start - _AROUND if start > _AROUND + 20 else 0
    last = end - _AROUND if end > _AROUND + 20 else 0
    return ("…" if first else "") + text[first : len(text) - last] + ("…" if last else "")


def _common(left: str, right: str) -> int:
    """How many characters both begin with."""
    return sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False))
    )
