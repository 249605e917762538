"""Who imports whom, and that importing does nothing."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGE, ROOT, SERVICES, imported, modules

BASE_INSTALL = {"click", "cryptography", "cffi", "_cffi_backend"}

_WATCHED_IMPORT = """
import importlib, os, sys, sysconfig, threading
sys.dont_write_bytecode = True
ours, stdlib = sys.argv[1], sysconfig.get_path("stdlib")
found = []
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
EVENTS = {
    "socket.bind", "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system",
    "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.putenv", "os.fork", "sqlite3.connect",
    "tempfile.mkstemp", "tempfile.mkdtemp", "signal.pthread_kill", "time.sleep",
}

def by_whom():
    # The first caller that is neither the standard library nor the import system.
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        own = name.startswith(ours)
        if own or not (name.startswith(("<frozen", "<string")) or (
            name.startswith(stdlib) and "site-packages" not in name
        )):
            return f"{name}:{frame.f_lineno}" if own else None
        frame = frame.f_back
    return None

def watch(event, arguments):
    if event == "open":
        flags = arguments[2] or 0
        if not flags & WRITING:
            return
    elif event not in EVENTS:
        return
    who = by_whom()
    if who is not None:
        found.append(f"{who}: {event} {arguments[:1]}")

sys.addaudithook(watch)
for module in sys.argv[2:]:
    before = set(threading.enumerate())
    importlib.import_module(module)
    started = [t for t in threading.enumerate() if t not in before]
    if started and any(getattr(t, "_target", None) and t._target.__module__.startswith("onrecord")
                       for t in started):
        found.append(f"{module}: started {started}")
print("\\n".join(found))
"""

_BASE_IMPORT = """
import importlib, sys
allowed = set(sys.argv[1].split(",")) | set(sys.stdlib_module_names) | {"onrecord"}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ModuleNotFoundError(f"{name} is not in the base install", name=name)
        return None

sys.meta_path.insert(0, Absent())
for module in sys.argv[2:]:
    importlib.import_module(module)
"""


def test_the_import_contracts_hold() -> None:
    """The direction of imports in `DESIGN.md`, held by import-linter."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout[-4000:]


def test_every_package_stands_in_an_import_contract() -> None:
    """A package that no contract names could import anything."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = str(settings["tool"]["importlinter"]["contracts"])
    packages = [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
    assert [name for name in packages if f"onrecord.{name}" not in named] == []


@pytest.mark.parametrize("service", SERVICES)
def test_services_never_import_each_other(service: str) -> None:
    others = tuple(f"onrecord.{other}" for other in SERVICES if other != service)
    wrong = {
        f"{name} imports {one}"
        for name, path in modules().items()
        if name.startswith(f"onrecord.{service}")
        for one in imported(path)
        if any(one == other or one.startswith(f"{other}.") for other in others)
    }
    assert wrong == set()


def test_importing_a_module_does_nothing() -> None:
    """No file written, no socket, no process, no variable set, no thread, in any module."""
    command = [sys.executable, "-c", _WATCHED_IMPORT, str(PACKAGE), *modules()]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr[-4000:]
    assert finished.stdout.strip() == ""


def test_the_base_install_is_enough_to_verify() -> None:
    """What a court or a newspaper installs: no numpy, no gRPC, no database."""
    base = [
        name
        for name in modules()
        if name.startswith(("onrecord.kernel", "onrecord.proof", "onrecord.cli.ledger"))
        or name == "onrecord.cli.main"
    ]
    assert "onrecord.cli.ledger" in base and "onrecord.proof.verify" in base
    command = [sys.executable, "-c", _BASE_IMPORT, ",".join(BASE_INSTALL), *base]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr[-2000:]


def test_the_watch_sees_what_it_is_to_see(tmp_path: Path) -> None:
    """A test that cannot fail is a defect: a module that writes when imported is found."""
    (tmp_path / "careless.py").write_text(
        "from pathlib import Path\nPath(__file__).with_suffix('.log').write_text('hello')\n"
    )
    command = [sys.executable, "-c", _WATCHED_IMPORT, str(tmp_path), "careless"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "careless.py:2: open" in finished.stdout
