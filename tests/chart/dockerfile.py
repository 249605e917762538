"""A Dockerfile, read and run step by step in a clean folder: there is no container engine here.

Each stage gets a folder in the place of its root; the absolute paths of its steps are put under it,
`python` is the interpreter that the tests run on. What only an engine can show: the base image
itself, and that the final stage has nothing else in it.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_FOLDERS = re.compile(r"(?<![\w./-])/(?=(?:opt|build)\b)")
_PASSED = ("PIP_", "HTTP", "http", "HTTPS", "https", "NO_PROXY", "no_proxy", "SSL_", "UV_")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: `COPY`, and what stands behind it, with the continued lines."""

    what: str
    rest: str


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    base: str
    steps: tuple[Step, ...]


def stages(text: str, arguments: Mapping[str, str]) -> list[Stage]:
    """The stages; `arguments` and defaults stand for the variables in FROM lines."""
    known = dict(arguments)
    found: list[tuple[str, str, list[Step]]] = []
    for one in _steps(text):
        if one.what == "FROM":
            base, _, name = one.rest.partition(" AS ")
            found.append((name or "final", _filled(base, known), []))
        elif not found and one.what == "ARG":
            name, _, default = one.rest.partition("=")
            known.setdefault(name, default)
        else:
            found[-1][2].append(one)
    return [Stage(name, base, tuple(steps)) for name, base, steps in found]


@dataclass(slots=True)
class Built:
    """An image as far as it can be had: `root` stands for `/`."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    user: str = ""
    workdir: str = "/"
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    ports: tuple[str, ...] = ()

    def at(self, path: str) -> Path:
        """A path of the image, where it lies here."""
        return self.root / path.lstrip("/")

    def run(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Its entry point with `arguments`, as its user, in its environment."""
        uid, _, gid = self.user.partition(":")
        told = {name: _placed(value, self.root) for name, value in self.environment.items()}
        program = shutil.which(self.entrypoint[0], path=told["PATH"])
        if program is None:
            raise AssertionError(f"{self.entrypoint[0]} is not on the image's PATH")
        return subprocess.run(
            [program, *self.entrypoint[1:], *arguments],
            env={**told, **(environment or {})},
            cwd="/",
            user=int(uid) if os.geteuid() == 0 else None,
            group=int(gid) if os.geteuid() == 0 else None,
            extra_groups=[] if os.geteuid() == 0 else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


def build(
    text: str, context: Path, ignored: str, arguments: Mapping[str, str], folder: Path
) -> Built:
    """Every step of every stage, in `folder`. Raises CalledProcessError where one fails."""
    folder.chmod(0o755)
    root, kept = folder / "root", folder / "stages"
    kept.mkdir()
    _interpreter(folder)
    built = Built(root)
    for stage in stages(text, arguments):
        built = Built(root, workdir="/")
        root.mkdir(mode=0o755)
        known: dict[str, str] = {}
        for one in stage.steps:
            _step(one, built, known, arguments, context, ignored, folder)
        if stage.name != "final":
            root.rename(kept / stage.name)
    return built


def sent(context: Path, ignored: str) -> Iterator[str]:
    """The files that a build is sent, relative to `context`, by `.dockerignore`."""
    rules = [line for line in ignored.splitlines() if line.strip() and not line.startswith("#")]
    for at, folders, files in os.walk(context):
        here = os.path.relpath(at, context)
        if here == ".":
            folders[:] = [one for one in folders if one not in (".git", ".venv", ".cache")]
        for name in files:
            path = os.path.normpath(f"{here}/{name}")
            if not _ignored(path, rules):
                yield path


def _ignored(path: str, rules: Sequence[str]) -> bool:
    out = False
    for rule in rules:
        pattern = _pattern(rule.removeprefix("!").strip("/"))
        parts = path.split("/")
        if any(pattern.fullmatch("/".join(parts[:end])) for end in range(1, len(parts) + 1)):
            out = not rule.startswith("!")
    return out


def _pattern(rule: str) -> "re.Pattern[str]":
    made = ""
    for part in re.split(r"(\*\*/?|\*|\?)", rule):
        if part.startswith("**"):
            made += "(?:.*/)?" if part.endswith("/") else ".*"
        else:
            made += {"*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
    return re.compile(made)


def _step(
    step: Step,
    built: Built,
    known: dict[str, str],
    arguments: Mapping[str, str],
    context: Path,
    ignored: str,
    folder: Path,
) -> None:
    rest = step.rest
    match step.what:
        case "ARG":
            name, _, default = rest.partition("=")
            known[name] = arguments.get(name, default)
        case "ENV":
            built.environment |= _pairs(rest, known)
        case "LABEL":
            built.labels |= _pairs(rest, known)
        case "WORKDIR":
            built.workdir = rest
            built.at(rest).mkdir(parents=True, exist_ok=True)
        case "COPY":
            _copy(rest, built, context, ignored, folder)
        case "RUN":
            _run(rest, built, known, folder)
        case "USER":
            built.user = rest
        case "EXPOSE":
            built.ports = tuple(rest.split())
        case "ENTRYPOINT":
            built.entrypoint = json.loads(rest)
        case "CMD":
            built.command = json.loads(rest)
        case unknown:
            raise AssertionError(f"{unknown} is not known here")


def _run(command: str, built: Built, known: Mapping[str, str], folder: Path) -> None:
    base = f"{folder / 'bin'}:/usr/bin:/bin"
    environment = {
        **{name: value for name, value in os.environ.items() if name.startswith(_PASSED)},
        "PATH": base,
        "HOME": str(folder),
        "PIP_CACHE_DIR": str(Path(os.environ.get("ONRECORD_CACHE", folder)) / "pip"),
        **known,
        **built.environment,
    }
    subprocess.run(
        ["/bin/sh", "-ec", _placed(command, built.root)],
        cwd=built.at(built.workdir),
        env=environment,
        check=True,
    )


def _copy(rest: str, built: Built, context: Path, ignored: str, folder: Path) -> None:
    words = rest.split()
    origin = None
    if words[0].startswith("--from="):
        origin = folder / "stages" / words.pop(0).removeprefix("--from=")
    *sources, target = words
    into = built.at(target if target.startswith("/") else f"{built.workdir}/{target}")
    for source in sources:
        if origin is not None:
            shutil.copytree(origin / source.lstrip("/"), into, symlinks=True)
            continue
        name = source.strip("/")
        files = [one for one in sent(context, ignored) if one == name or one.startswith(name + "/")]
        if not files:
            raise AssertionError(f"COPY {source}: nothing of it is sent")
        for one in files:
            path = into / os.path.relpath(one, name) if one != name else into / Path(one).name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(context / one, path)


def _interpreter(folder: Path) -> None:
    """The base image's `python`, as far as there is one: the interpreter that we run on, without
    what was installed into it, where every account can read it.
    """
    home = folder / "python"
    left_out = shutil.ignore_patterns("site-packages", "__pycache__", "test", "*.a", "include")
    shutil.copytree(sys.base_prefix, home, symlinks=True, ignore=left_out)
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(home / "bin" / "python3.11")


def _placed(text: str, root: Path) -> str:
    return _FOLDERS.sub(f"{root}/", text)


def _filled(text: str, known: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: known.get(found[1], ""), text)


def _pairs(text: str, known: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for word in shlex.split(text):
        name, _, value = word.partition("=")
        found[name] = _filled(value, known)
    return found


def _steps(text: str) -> Iterator[Step]:
    kept = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    whole = "\n".join(kept).replace("\\\n", " ")
    for line in whole.splitlines():
        what, _, rest = line.strip().partition(" ")
        yield Step(what, rest.strip())
