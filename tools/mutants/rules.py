"""Survivors that are explained by a rule: what a person reads, and what Python does not read.

No rule covers a code, a field or a condition. A rule looks at where in the function's syntax tree
the one change lies, never at its text alone.
"""

import ast
from collections.abc import Mapping
from pathlib import Path

RULES = {
    "message": (
        "the change lies inside the argument that is the message of an error: `OnRecordError`'s "
        "second, `LedgerFault`'s third, `ValueError`'s or `TypeError`'s first, or the argument "
        "that a function hands on as one of these, as it is or within a text. Messages are for "
        "people and may change; codes and fields are other arguments and fall under no rule"
    ),
    "codec": (
        "the name of a codec in other case, or left out where it is UTF-8, Python's own default"
    ),
    "cast": "the type in `typing.cast`, which Python does not look at",
}

Step = tuple[ast.AST, str, int | None]
_MESSAGES = {"OnRecordError": 1, "LedgerFault": 2, "ValueError": 0, "TypeError": 0}


def rule_for(original: ast.AST, changed: ast.AST, messages: Mapping[str, int]) -> str | None:
    """The name of the rule that explains the change, or None."""
    path, before, after = _only_change(original, changed)
    for node, field, place in path:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "cast" and (field, place) == ("args", 0):
                return "cast"
            if field == "args" and place is not None and messages.get(node.func.id) == place:
                return "message"
    return "codec" if _codec(path, before, after) else None


def message_takers(package: Path, module: str) -> dict[str, int]:
    """Functions callable in this module that take a message, and which argument it is.

    A function takes one if its body is a single `return` or `raise` that hands a parameter on.
    """
    tree = ast.parse((package / module).read_text("utf-8"))
    takers = dict(_MESSAGES)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("onrecord."):
            path = package.parent / (node.module.replace(".", "/") + ".py")
            if path.is_file():
                theirs = _defined(ast.parse(path.read_text("utf-8")), _MESSAGES)
                takers |= {
                    alias.asname or alias.name: theirs[alias.name]
                    for alias in node.names
                    if alias.name in theirs
                }
    return takers | _defined(tree, takers)


def _defined(tree: ast.Module, known: Mapping[str, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        body = [one for one in node.body if not _is_text(one)]
        parameters = [argument.arg for argument in node.args.args]
        if len(body) != 1 or not isinstance(body[0], ast.Return | ast.Raise):
            continue
        call = body[0].value if isinstance(body[0], ast.Return) else body[0].exc
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        place = known.get(call.func.id)
        if place is None or place >= len(call.args):
            continue
        handed_on = [
            parameters.index(name.id)
            for name in _texts_in(call.args[place])
            if name.id in parameters
        ]
        if len(handed_on) == 1:
            found[node.name] = handed_on[0]
    return found


def _texts_in(message: ast.expr) -> list[ast.Name]:
    """The names that a message is, or that stand in it as they are."""
    if isinstance(message, ast.JoinedStr):
        parts = [one.value for one in message.values if isinstance(one, ast.FormattedValue)]
        return [part for part in parts if isinstance(part, ast.Name)]
    return [message] if isinstance(message, ast.Name) else []


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _only_change(before: ast.AST, after: ast.AST) -> tuple[list[Step], object, object]:
    """Steps from the function down to the smallest node that holds every difference."""
    path: list[Step] = []
    while True:
        found = _differences(before, after)
        if found is None or len(found) != 1:
            return path, before, after
        field, place, left, right = found[0]
        path.append((before, field, place))
        if not isinstance(left, ast.AST) or not isinstance(right, ast.AST):
            return path, left, right
        before, after = left, right


def _differences(
    before: ast.AST, after: ast.AST
) -> list[tuple[str, int | None, object, object]] | None:
    if type(before) is not type(after):
        return None
    found: list[tuple[str, int | None, object, object]] = []
    for field in before._fields:
        left, right = getattr(before, field, None), getattr(after, field, None)
        if isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return None
            pairs = list(enumerate(zip(left, right, strict=True)))
            found += [(field, place, a, b) for place, (a, b) in pairs if not _same(a, b)]
        elif not _same(left, right):
            found.append((field, None, left, right))
    return found


def _same(left: object, right: object) -> bool:
    if isinstance(left, ast.AST) and isinstance(right, ast.AST):
        return ast.dump(left) == ast.dump(right)
    return type(left) is type(right) and left == right


def _codec(path: list[Step], before: object, after: object) -> bool:
    if isinstance(before, ast.Call) and isinstance(after, ast.Call):
        left_out = ast.unparse(before).endswith(("code('utf-8')", 'code("utf-8")'))
        return left_out and ast.unparse(after).endswith("code()")
    calls = [node for node, _, _ in path if isinstance(node, ast.Call)]
    coder = calls[-1].func if calls else None
    if not isinstance(coder, ast.Attribute) or coder.attr not in ("encode", "decode"):
        return False
    return isinstance(before, str) and isinstance(after, str) and before.lower() == after.lower()
