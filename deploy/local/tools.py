"""Programs by others, installed once for each version, from package registries alone.

Each lies in `<tools>/<name>-<version>/`, beside a mark that it is whole. Two that install the same
at the same time take turns. What came is compared with the hashes that stand in `hashes/`, where
the registry's own client does not do so.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.local.part import Say

_DONE = ".done"
_TAIL = 3000
HASHES = Path(__file__).resolve().parent / "hashes"


class InstallError(Exception):
    """A part could not be installed; the text says which and why."""


def folder_of(tools: Path, name: str, version: str) -> Path:
    """Where a program of that version lies, whether or not it is there."""
    return tools / f"{name}-{version}"


def once(
    tools: Path, name: str, version: str, say: Say, cost: str, build: Callable[[Path], None]
) -> Path:
    """The folder of a program, which `build` fills where it is not there whole.

    `build` is given the empty folder at its final path. `cost` tells a person what is coming
    ("43 MB, a quarter of a minute").

    Raises InstallError.
    """
    folder = folder_of(tools, name, version)
    if (folder / _DONE).exists():
        return folder
    tools.mkdir(parents=True, exist_ok=True)
    with locked(tools / f".{name}-{version}.lock"):
        if (folder / _DONE).exists():
            return folder
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
        say(f"installing {name} {version}, once: {cost}")
        began = time.monotonic()
        build(folder)
        (folder / _DONE).touch()
        say(
            f"installed {name} {version}: {_megabytes(folder)} MB, {time.monotonic() - began:.0f} s"
        )
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for, and hold, a lock on a file that ends with the process at the latest."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> None:
    """Run an installing program in `cwd`, with `env` added to our own environment.

    Raises InstallError, with the end of what it said.
    """
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except FileNotFoundError as error:
        raise InstallError(f"{argv[0]} is not on this machine") from error
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace")[-_TAIL:]
        raise InstallError(f"{' '.join(argv)} ended with {done.returncode}:\n{said}")


def check(folder: Path, name: str) -> None:
    """Compare the files in `folder` with `hashes/<name>.sha256` (lines as `sha256sum` writes them,
    paths relative to `folder`).

    Raises InstallError where one differs or is missing, or where a `.jar`, `.zip` or `.whl` lies
    there that the list does not name.
    """
    listed = dict(_listed((HASHES / f"{name}.sha256").read_text()))
    for named, wanted in listed.items():
        path = folder / named
        if not path.is_file():
            raise InstallError(f"{name}: {named} did not come")
        if sha256(path) != wanted:
            raise InstallError(f"{name}: {named} is not the file we know (SHA-256)")
    for path in folder.rglob("*"):
        if path.suffix in (".jar", ".zip", ".whl") and str(path.relative_to(folder)) not in listed:
            raise InstallError(f"{name}: {path.name} came and is not on our list")


def sha256(path: Path) -> str:
    """The hash of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _listed(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        digest, path = line.split(maxsplit=1)
        yield path.lstrip("*"), digest


def _megabytes(folder: Path) -> int:
    sizes = (path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink())
    return round(sum(sizes) / 1e6)
