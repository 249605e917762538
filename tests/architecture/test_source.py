"""What the source says and leaves out."""

import ast
import dataclasses
import importlib
import inspect
import re
from pathlib import Path

from onrecord.contracts import audit, detection, embedding, vector_search
from onrecord.kernel.deadlines import Deadline
from tests.architecture.source import PACKAGE, ROOT, modules, tracked, tree

VAGUE = {"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"}
SETTINGS_READ_IN = re.compile(
    r"(.*/)?(app|command)\.py|cli/.*|standalone/.*|chassis/settings/loading\.py"
)
MODES = {
    "embedded",
    "is_embedded",
    "embedded_mode",
    "standalone",
    "is_standalone",
    "in_process",
    "single_process",
    "single_binary",
    "all_in_one",
}
OUR_PYTHON = [path for path in tracked() if path.suffix == ".py" and "rpc/v1" not in str(path)]


def test_only_composition_roots_and_commands_read_the_environment() -> None:
    """Settings enter in `app.py` and the commands. Passing it all on to a child is no reading."""
    wrong = []
    for path in modules().values():
        if SETTINGS_READ_IN.fullmatch(path.relative_to(PACKAGE).as_posix()):
            continue
        handed_on = {
            id(value)
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Dict)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is None
        }
        for node in ast.walk(tree(path)):
            reads = (
                isinstance(node, ast.Attribute)
                and node.attr in ("environ", "environb", "getenv")
                and id(node) not in handed_on
            )
            takes = isinstance(node, ast.ImportFrom) and any(
                alias.name in ("environ", "environb", "getenv") for alias in node.names
            )
            if reads or takes:
                wrong.append(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}")
    assert wrong == []


def test_names_are_the_glossarys() -> None:
    wrong = []
    for path in OUR_PYTHON:
        parts = {path.stem, *path.relative_to(ROOT).parts[:-1]}
        if parts & VAGUE:
            wrong.append(str(path.relative_to(ROOT)))
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and re.search(
                r"(Utils?|Common|Helpers?|Manager)$", node.name
            ):
                wrong.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert wrong == []


def test_nobody_asks_whether_this_is_the_one_process() -> None:
    """No `if embedded` anywhere: what differs is what the composition root builds."""
    wrong = []
    for path in modules().values():
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.If | ast.IfExp | ast.While):
                continue
            names = {
                part.id if isinstance(part, ast.Name) else part.attr
                for part in ast.walk(node.test)
                if isinstance(part, ast.Name | ast.Attribute)
            }
            if names & MODES:
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert wrong == []


def test_nothing_is_left_for_later_in_the_source() -> None:
    mark = re.compile(r"#.*\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
    wrong = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in OUR_PYTHON
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if mark.search(line)
    ]
    assert wrong == []


def test_tests_do_not_sleep() -> None:
    """They wait for what they wait for."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in OUR_PYTHON
        if path.is_relative_to(ROOT / "tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute | ast.Name)
        and (node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id) == "sleep"
        and ast.unparse(node) != "asyncio.sleep(0)"  # that lets others have their turn, no more
    ]
    assert wrong == []


def test_values_are_frozen_and_slotted() -> None:
    """What crosses a contract cannot be changed on the way."""
    wrong = []
    for name in modules():
        if not name.startswith(("onrecord.contracts", "onrecord.kernel", "onrecord.proof")):
            continue
        for found, one in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            if one.__module__ != name or found[0] == "_" or not dataclasses.is_dataclass(one):
                continue
            if not one.__dataclass_params__.frozen or "__slots__" not in vars(one):  # type: ignore[attr-defined]
                wrong.append(f"{name}.{found}")
    assert wrong == []


def test_every_method_of_a_contract_takes_a_deadline() -> None:
    """Deadlines travel on every call."""
    protocols = (
        audit.LedgerProofs,
        audit.Audit,
        detection.FaceDetection,
        embedding.FaceEmbedding,
        vector_search.Plane,
    )
    for protocol in protocols:
        methods = [
            one for name, one in inspect.getmembers(protocol, inspect.isfunction) if name[0] != "_"
        ]
        assert methods
        for method in methods:
            last = list(inspect.signature(method).parameters.values())[-1]
            assert (last.name, last.annotation) == ("deadline", Deadline), method.__qualname__


def test_every_module_says_what_it_is_for() -> None:
    wrong = [
        name
        for name, path in modules().items()
        if path.read_text(encoding="utf-8").strip() and not ast.get_docstring(tree(path))
    ]
    assert wrong == []


def test_the_folder_of_a_service_has_the_anatomy() -> None:
    """`rpc.py` for the four services that are called; a pure `core`; one `app.py`."""
    for service in ("audit", "detection", "embedding", "vector_search"):
        assert (PACKAGE / service / "rpc.py").is_file(), service
        assert _either(PACKAGE / service / "core"), service
        assert (PACKAGE / service / "app.py").is_file(), service
    assert _either(PACKAGE / "gateway" / "core")
    assert (PACKAGE / "gateway" / "app.py").is_file()


def _either(path: Path) -> bool:
    return path.is_dir() or path.with_suffix(".py").is_file()
