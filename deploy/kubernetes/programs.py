"""What it is made of, built once for each version with Go.

Go compares modules with its checksum database and, for the control plane, with our `go.sum`.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from deploy.local.part import Say
from deploy.local.registries import go
from deploy.local.tools import InstallError, once, run, sha256

KUBERNETES: Final = "1.34.1"
ETCD: Final = "3.6.4"
"""As Kubernetes 1.34 has it. Debian's 3.4 cannot tell how far a watch is, and clients that stream
their first list then try again, ever more rarely: a pod took ten seconds to be seen."""
HELM: Final = "3.22.0"
KWOK: Final = "0.8.0"
PROGRAMS: Final = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
)
STAGES: Final = ("node/fast", "node/heartbeat-with-lease", "pod/fast")
"""How a simulated node and its pods come to be ready, and jobs to complete."""

_SOURCE: Final = Path(__file__).resolve().parent / "controlplane"
_KWOK_MODULE: Final = "sigs.k8s.io/kwok"


def control_plane(tools: Path, say: Say) -> Path:
    """The folder with etcd, API server, controllers, scheduler, kubectl. Raises InstallError."""

    def build(folder: Path) -> None:
        # Controllers refuse to start with a version that is not told.
        package = "k8s.io/component-base/version.git"
        flags = _defined(package, ("Major", "Minor")) + f" -X {package}Version=v{KUBERNETES}"
        argv = ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {flags}"]
        run(["nice", "-n", "15", *argv, "-o", str(folder / "kubernetes"), "."], cwd=_SOURCE)
        for name in PROGRAMS:
            (folder / name).symlink_to("kubernetes")

    return once(tools, "kubernetes", _keyed(KUBERNETES), say, "170 MB, eight minutes", build)


def helm(tools: Path, say: Say) -> Path:
    """The program. Raises InstallError."""

    def build(folder: Path) -> None:
        # What it takes a server to be when it is asked without one; its own builds say it so, too.
        flags = _defined("helm.sh/helm/v3/pkg/chartutil.k8sVersion", ("Major", "Minor"))
        flags += f" -X helm.sh/helm/v3/internal/version.version=v{HELM}"
        go(folder, "helm.sh/helm/v3/cmd/helm", f"v{HELM}", "-ldflags", flags)

    return once(tools, "helm", HELM, say, "60 MB, three minutes", build) / "helm"


def kwok(tools: Path, say: Say) -> Path:
    """The folder with `kwok` and `stages.yaml`. Raises InstallError."""

    def build(folder: Path) -> None:
        go(folder, f"{_KWOK_MODULE}/cmd/kwok", f"v{KWOK}")
        stages = _module(_KWOK_MODULE, f"v{KWOK}") / "kustomize" / "stage"
        found = [path for name in STAGES for path in sorted((stages / name).glob("*.yaml"))]
        objects = [path.read_text() for path in found if path.name != "kustomization.yaml"]
        (folder / "stages.yaml").write_text("---\n".join(objects))

    return once(tools, "kwok", KWOK, say, "70 MB, three minutes", build)


def all_of_it(tools: Path, say: Say) -> None:
    """Install what lacks. Raises InstallError."""
    for one in (helm, kwok, control_plane):
        one(tools, say)


def _defined(prefix: str, names: tuple[str, str]) -> str:
    """For the linker: the major and minor version of Kubernetes in two variables."""
    pairs = zip(names, KUBERNETES.split("."), strict=False)
    return " ".join(f"-X {prefix}{name}={value}" for name, value in pairs)


def _keyed(version: str) -> str:
    """The version, and what our own program and its modules are: another one is built anew."""
    parts = (sha256(_SOURCE / name)[:6] for name in ("main.go", "go.mod"))
    return f"{version}-{''.join(parts)}"


def _module(path: str, version: str) -> Path:
    """Where Go keeps the source of a module. Raises InstallError."""
    if shutil.which("go") is None:
        raise InstallError("go is not on this machine")
    done = subprocess.run(
        ["go", "mod", "download", "-json", f"{path}@{version}"],  # noqa: S607 - the machine's own
        cwd=os.sep,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InstallError(f"{path} did not come:\n{done.stderr or done.stdout}")
    return Path(json.loads(done.stdout)["Dir"])
