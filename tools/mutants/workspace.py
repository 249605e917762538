"""A copy of the sources and tests outside the tree, laid out as mutmut wants it (`src/`)."""

import json
from collections.abc import Set
from pathlib import Path

from tools.mutants.properties import methods_for_properties
from tools.mutants.subjects import ROOT, Subject

# What tests read beside the code.
_FOLDERS = ("tests", "policies", "proto", "docs")

_PYPROJECT = """\
[tool.pytest.ini_options]
addopts = "-q --strict-markers --import-mode=importlib -p no:cacheprovider -p mutants_profile"
pythonpath = ["."]
markers = ["slow: takes more than ten seconds"]
filterwarnings = ["error::pytest.PytestUnraisableExceptionWarning"]

[tool.mutmut]
source_paths = ["src"]
only_mutate = {modules}
pytest_add_cli_args_test_selection = {selection}
also_copy = ["mutants_profile.py", "forking.py", "policies", "proto", "docs"]
use_git_change_detection = false
track_dependencies = false
"""


def refresh(subject: Subject) -> bool:
    """Bring the copy up to date; True where a test changed since the last time.

    A file that did not change is left alone, so that what is known of its mutants stays known.
    """
    workspace = subject.workspace
    workspace.mkdir(parents=True, exist_ok=True)
    mutated = {f"src/onrecord/{module}" for module in subject.modules}
    tests_changed = False
    wanted: set[str] = set()
    for path in sorted((ROOT / "services" / "onrecord").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name = f"src/{path.relative_to(ROOT / 'services').as_posix()}"
            text = path.read_bytes()
            if name in mutated:
                text = methods_for_properties(text.decode()).encode()
            wanted.add(name)
            _put(workspace / name, text)
    for folder in _FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                name = path.relative_to(ROOT).as_posix()
                wanted.add(name)
                changed = _put(workspace / name, path.read_bytes())
                tests_changed |= changed and folder == "tests"
    for path in sorted(workspace.glob("src/**/*")) + sorted(workspace.glob("tests/**/*")):
        name = path.relative_to(workspace).as_posix()
        if path.is_file() and "__pycache__" not in path.parts and name not in wanted:
            path.unlink()
            (workspace / "mutants" / name).unlink(missing_ok=True)
            tests_changed = True
    for plugin in ("mutants_profile.py", "forking.py"):
        _put(workspace / plugin, (Path(__file__).parent / plugin).read_bytes())
    selection = [*subject.tests, *(f"--ignore={path}" for path in subject.leave_out)]
    settings = _PYPROJECT.format(
        modules=json.dumps(sorted(mutated)), selection=json.dumps(selection)
    )
    tests_changed |= _put(workspace / "pyproject.toml", settings.encode())
    return tests_changed


def decide_again(
    subject: Subject, by_rule: Set[str], explained: Set[str], *, tests_changed: bool
) -> None:
    """Before a run: mutants under a rule are not run; with other tests, survivors are run again.

    Those that are explained stay as they are: no test is wanted for them.
    """
    mutants = subject.workspace / "mutants"
    if tests_changed:
        (mutants / "mutmut-stats.json").unlink(missing_ok=True)
    for path in mutants.glob("src/**/*.meta"):
        told = json.loads(path.read_text("utf-8"))
        verdicts = told["exit_code_by_key"]
        for name, code in verdicts.items():
            if name in by_rule:
                verdicts[name] = UNDER_A_RULE if code not in KILLED else code
            elif code == UNDER_A_RULE or (
                tests_changed and code not in KILLED and name not in explained
            ):
                verdicts[name] = None
        path.write_text(json.dumps(told, indent=4), "utf-8")


UNDER_A_RULE = 34
"""mutmut's number for a mutant that is passed over."""
# A failing test, an internal error of pytest, and a processor's time that ran out (SIGXCPU).
KILLED = (1, 3, -24, 24, 152)
TIMED_OUT = (-24, 24, 152)


def _put(path: Path, content: bytes) -> bool:
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return True
