"""R-44: the image of each service, as far as it can be had without a container engine.

Every step of `services/Dockerfile` is run in a clean folder, and what it made is run as its user.
Not shown: the base image, and what an engine makes of labels.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.chart.dockerfile import Built, build, sent, stages
from tests.chart.rendering import ROOT

_DOCKERFILE: Final = (ROOT / "services" / "Dockerfile").read_text("utf-8")
_IGNORED: Final = (ROOT / ".dockerignore").read_text("utf-8")
_LOCKS: Final = ROOT / "services" / "locks"
_SERVICES: Final = ("gateway", "detection", "embedding", "audit", "vector-search")
_ABSENT: Final = {
    "gateway": ("onnxruntime", "cv2", "pymilvus"),
    "detection": ("sqlalchemy", "jwt", "pymilvus"),
    "embedding": ("sqlalchemy", "jwt", "cv2", "pymilvus"),
    "audit": ("onnxruntime", "cv2", "pymilvus"),
    "vector-search": ("onnxruntime", "cv2", "cedarpy"),
}
"""What another service needs and this one must not carry."""
_RUN_BESIDE: Final = {
    "gateway": ("migrate",),
    "audit": ("migrate", "bus"),
    "vector-search": ("migrate",),
    "detection": (),
    "embedding": (),
}
"""The commands beside `serve` and `preflight` that the chart's jobs run with this image."""
# What a slim Debian has besides glibc; all else must come with the packages themselves.
_SYSTEM: Final = re.compile(
    r"^(libstdc\+\+|libgcc_s|libz|linux-vdso|ld-linux|libc|libm|lib(?:dl|rt|pthread|util|resolv))(?=[.-])"
)
_CHECK: Final = """
import sys
from onrecord.cli.services import contract_of, opener_of, settings_of
from onrecord.kernel.vocabulary import Service
import onrecord.cli.preflight.command
service = Service(sys.argv[1])
opener_of(service), settings_of(service)
from onrecord.cli.preflight.examining import _OF_EACH, _SHARED
for one in (*_OF_EACH, *_SHARED):
    if service in one.of:
        one.examine()
for absent in sys.argv[2:]:
    try:
        __import__(absent)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{absent} is there")
"""


@pytest.fixture(scope="module", params=_SERVICES)
def image(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Built]]:
    """One service's, built; nothing but `SERVICE` is told, as `make image` tells it."""
    folder = Path(tempfile.mkdtemp(prefix="onrecord-image-"))
    try:
        yield request.param, build(_DOCKERFILE, ROOT, _IGNORED, {"SERVICE": request.param}, folder)
    finally:
        shutil.rmtree(folder)


def test_the_image_runs_its_service_with_nothing_but_what_its_lock_names(
    image: tuple[str, Built],
) -> None:
    """R-44: it serves and is examined on its own packages, as an account that owns nothing."""
    service, built = image
    checked = subprocess.run(
        [built.at("/opt/onrecord/bin/python"), "-c", _CHECK, service, *_ABSENT[service]],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr + checked.stdout


def test_its_entry_point_runs_as_its_user(image: tuple[str, Built]) -> None:
    """R-44: not root, and a file system that it cannot write to."""
    service, built = image
    uid = built.user.partition(":")[0]
    assert uid.isdigit() and int(uid) > 0
    shown = built.run("config", "show", service)
    assert shown.returncode == 0, shown.stderr
    assert "certificate" in shown.stdout
    for command in ("serve", "preflight", *_RUN_BESIDE[service]):
        helped = built.run(command, "--help")
        assert helped.returncode == 0, (command, helped.stderr)
    # Without settings it says which are missing, and ends: it does not fail for want of a package.
    refused = built.run("serve", service)
    assert refused.returncode != 0
    assert "certificate" in refused.stderr + refused.stdout, refused.stderr


def test_nothing_in_it_is_needed_to_build_it_nor_secret_nor_a_model(
    image: tuple[str, Built],
) -> None:
    """R-44: no weights, no keys, no pip."""
    service, built = image
    carried = {".onnx", ".pt", ".caffemodel", ".dat", ".key", ".pem", ".p12"}
    found = [path for path in built.root.rglob("*") if path.is_file() and path.suffix in carried]
    # Public roots, and the examples of ONNX Runtime's own tests: a kilobyte.
    known = ("cacert.pem", "roots.pem", "mul_1.onnx", "sigmoid.onnx", "logreg_iris.onnx")
    assert not [path for path in found if path.name not in known]
    assert not built.at("/opt/onrecord/bin/pip").exists()
    assert {path.name for path in built.root.iterdir()} == {"opt", "tmp"}
    assert built.labels["org.opencontainers.image.title"] == f"onrecord-{service}"


def test_its_libraries_are_those_of_its_packages(image: tuple[str, Built]) -> None:
    """R-44: nothing has to be installed into a slim base."""
    _, built = image
    for path in built.root.rglob("*.so*"):
        if not path.is_file() or path.is_symlink():
            continue
        listed = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout  # noqa: S607
        for line in listed.splitlines():
            name, _, where = line.strip().partition(" => ")
            if name == "statically linked":
                continue
            assert "not found" not in where or "libpython" in name, (path, line)
            if str(built.root) not in where:
                assert _SYSTEM.match(Path(name.split()[0]).name), (path, line)


def test_each_lock_is_a_part_of_the_whole() -> None:
    """R-44: what runs in the image is what the tests ran on, file by file."""
    whole = _pins(ROOT / "requirements.lock")
    for service in _SERVICES:
        pins = _pins(_LOCKS / f"{service}.lock")
        assert pins
        for name, hashes in pins.items():
            assert whole.get(name) == hashes, f"{service}: {name}; `make lock`"
    assert all(_pins(_LOCKS / "build.lock").values())


def test_what_is_sent_to_build_it_is_the_source_and_nothing_else() -> None:
    """R-44: neither models nor keys nor settings of this machine get as far as an engine."""
    files = set(sent(ROOT, _IGNORED))
    assert {"pyproject.toml", "README.md", "services/locks/audit.lock"} <= files
    assert "services/onrecord/cli/main.py" in files
    for path in files - {"pyproject.toml", "README.md"}:
        assert path.startswith(("services/locks/", "services/onrecord/")), path
        assert not path.endswith((".onnx", ".pem", ".key", ".pyc")), path


def test_the_last_stage_is_slim_and_copies_alone() -> None:
    """R-44: what made the environment stays behind."""
    *_, last = stages(_DOCKERFILE, {})
    assert last.base.startswith("python:3.11-slim")
    assert "RUN" not in {one.what for one in last.steps}
    assert [one.rest for one in last.steps if one.what == "COPY"] == [
        "--from=build /opt/onrecord /opt/onrecord"
    ]


def _pins(lock: Path) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    hashes: set[str] = set()
    for line in lock.read_text("utf-8").splitlines():
        if pinned := re.match(r"([a-z0-9][^\s;]*==[^\s;\\]+)", line):
            hashes = found.setdefault(pinned[1], set())
        hashes.update(re.findall(r"sha256:[0-9a-f]{64}", line))
    return {name: frozenset(one) for name, one in found.items()}
