"""What holds for every test."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# A machine that is shared may be slow for a moment; that is no fault of the code under test.
settings.register_profile("onrecord", deadline=None)
settings.load_profile("onrecord")

_CACHE = Path(os.environ.get("ONRECORD_CACHE", Path(__file__).parents[1] / ".cache"))
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own in it
_ROOM = 6_000_000_000
_KEPT_ON_DISK = {"chart", "cluster", "interop", "rolling"}
"""What runs programs of others, some of which keep gigabytes."""


def pytest_configure(config: pytest.Config) -> None:
    _keep_what_is_compiled()
    _write_to_memory(config)


def _keep_what_is_compiled() -> None:
    """Where Python was told to leave no bytecode beside the sources, it is kept in the cache.

    The tests start a hundred processes; each would compile all that it imports again.
    """
    if sys.dont_write_bytecode and sys.pycache_prefix is None:
        kept = str(_CACHE.resolve() / "pycache")
        sys.dont_write_bytecode, sys.pycache_prefix = False, kept
        os.environ["PYTHONPYCACHEPREFIX"] = kept
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _write_to_memory(config: pytest.Config) -> None:
    """Temporary files lie in memory where there is room, unless TMPDIR says where.

    What is written is synced again and again, and on a slow disk the tests do little but wait for
    it. No test cuts the power; a process that is killed loses nothing in memory either.
    """
    if "TMPDIR" in os.environ or "cluster" in os.environ.get("ONRECORD_E2E", ""):
        return
    if _KEPT_ON_DISK & {part for one in config.args for part in Path(one.split("::")[0]).parts}:
        return
    if _has_room() and _runs_programs():
        os.environ["TMPDIR"] = str(_IN_MEMORY)
        tempfile.tempdir = None  # asked anew


def _has_room() -> bool:
    try:
        free = shutil.disk_usage(_IN_MEMORY).free
        told = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    except OSError:
        return False
    return min(free, int(told["MemAvailable"].split()[0]) * 1024) >= _ROOM


def _runs_programs() -> bool:
    """Not where it is mounted `noexec`, as in a container it may be."""
    return not os.statvfs(_IN_MEMORY).f_flag & os.ST_NOEXEC
