"""Triton Inference Server, out of the wheel of `nvidia-pytriton`.

The wheel has the server and its Python backend only. `onnxruntime_backend.py` stands in for the
native ONNX Runtime backend, under its name, so that the very same `config.pbtxt` serves here and on
NVIDIA's image.
"""

import shutil
import sys
import sysconfig
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.part import HOST, Launch, Place, Say
from deploy.local.registries import python
from deploy.local.tools import HASHES, folder_of, once

_READY_SECONDS: Final = 2.0
_BACKEND: Final = Path(__file__).resolve().parents[1] / "onnxruntime_backend.py"
_SHARED: Final = Path("/dev/shm")  # noqa: S108 - where Triton and its backend exchange tensors
_SHARED_BYTES: Final = 64 * 2**20
"""Of each instance. It begins at one MiB and grows otherwise, and twice an instance was seen to die
of it (a segmentation fault of the stub, and Triton with it). Pages that are not used cost nothing.
"""


@dataclass(frozen=True, slots=True)
class TritonTls:
    """Its certificate and key, and the root of the certificates that callers must show (PEM)."""

    certificate: Path
    key: Path
    callers: Path


@dataclass(frozen=True, slots=True)
class Triton:
    """`Part`. Serves every model of its `repositories`. Clients call the port `grpc`; health is at
    `http`, metrics are at `metrics`. `requirements` are the packages its backend runs with.
    """

    repositories: tuple[Path, ...]
    tls: TritonTls | None = None
    requirements: str = "triton"
    name: str = "triton"
    version: str = "2.51.0"
    port_names: tuple[str, ...] = ("grpc", "http", "metrics")

    def install(self, tools: Path, say: Say) -> None:
        def build(folder: Path) -> None:
            python(folder, HASHES / f"{self.requirements}.txt")

        once(tools, self.requirements, self.version, say, "100 MB, half a minute", build)

    def launch(self, place: Place) -> Launch:
        packages = self._packages(place)
        server = packages / "pytriton" / "tritonserver"
        prefix = f"onrecord-triton-{place.ports['grpc']}-"
        for left in _SHARED.glob(f"{prefix}*"):  # by one that was killed
            left.unlink(missing_ok=True)
        return Launch(
            argv=(
                str(server / "bin" / "tritonserver"),
                *(f"--model-repository={one.resolve()}" for one in self.repositories),
                f"--backend-directory={_backends(server, place.data / 'backends')}",
                f"--backend-config=python,shm-region-prefix-name={prefix}",
                f"--backend-config=python,shm-default-byte-size={_SHARED_BYTES}",
                "--disable-auto-complete-config",
                "--exit-on-error=true",
                "--exit-timeout-secs=15",
                f"--http-address={HOST}",
                f"--http-port={place.ports['http']}",
                f"--grpc-address={HOST}",
                f"--grpc-port={place.ports['grpc']}",
                f"--metrics-address={HOST}",
                f"--metrics-port={place.ports['metrics']}",
                *self._tls_options(),
            ),
            cwd=place.data,
            env={
                # The backend's interpreter is the one that this runs on, and finds what it needs
                # in the environment that was installed for it.
                "LD_LIBRARY_PATH": ":".join(
                    [str(packages / "nvidia_pytriton.libs"), sysconfig.get_config_var("LIBDIR")]
                ),
                "PYTHONPATH": str(packages),
            },
        )

    def ready(self, place: Place) -> bool:
        """Whether it and every one of its models is ready."""
        try:
            url = f"http://{place.at('http')}/v2/health/ready"
            with urllib.request.urlopen(url, timeout=_READY_SECONDS) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def settle(self, place: Place) -> None:
        """Nothing: its models are what lies in the repository."""

    def _packages(self, place: Place) -> Path:
        folder = folder_of(place.tools, self.requirements, self.version)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return folder / "venv" / "lib" / version / "site-packages"

    def _tls_options(self) -> tuple[str, ...]:
        if self.tls is None:
            return ()
        return (
            "--grpc-use-ssl=true",
            "--grpc-use-ssl-mutual=true",
            f"--grpc-server-cert={self.tls.certificate}",
            f"--grpc-server-key={self.tls.key}",
            f"--grpc-root-cert={self.tls.callers}",
        )


def _backends(server: Path, folder: Path) -> Path:
    """The folder of backends: the wheel's Python backend with the stub of our version, and ours."""
    ours, theirs = folder / "onnxruntime", folder / "python"
    if folder.exists():
        shutil.rmtree(folder)
    for one in (ours, theirs):
        one.mkdir(parents=True)
    for path in (server / "backends" / "python").iterdir():
        if path.is_file():
            shutil.copyfile(path, theirs / path.name)  # Triton follows no link out of it
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = theirs / "triton_python_backend_stub"
    shutil.copyfile(server / "python_backend_stubs" / version / stub.name, stub)
    stub.chmod(0o755)
    shutil.copyfile(_BACKEND, ours / "model.py")
    return folder
