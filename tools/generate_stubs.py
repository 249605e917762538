"""Generate the stubs in `services/onrecord/{rpc,events}/v1` from `proto/`.

With `--check`, generate into a temporary folder and compare: exit 1 and the names of the files
that differ, so that a stub which nobody regenerated is found by `make lint`.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROTO = ROOT / "proto"
SERVICES = ROOT / "services"
GENERATED = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi")


def main() -> int:
    parser = argparse.ArgumentParser(description="Generate the gRPC stubs from proto/.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 if they differ")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="onrecord-stubs-") as folder:
        fresh = Path(folder)
        generate(fresh)
        wanted, present = stubs(fresh), stubs(SERVICES)
        if arguments.check:
            return report(wanted, present)
        for name in present.keys() - wanted.keys():
            (SERVICES / name).unlink()
        for name, content in wanted.items():
            if present.get(name) != content:
                (SERVICES / name).write_bytes(content)
        sys.stdout.write(f"{len(wanted)} stubs in services/onrecord/{{rpc,events}}/v1\n")
        return 0


def generate(out: Path) -> None:
    """Run protoc with the plugins of this very environment. Raises CalledProcessError."""
    scripts = Path(sys.executable).parent
    found = os.pathsep.join((str(scripts), os.environ.get("PATH", "")))
    if shutil.which("protoc-gen-mypy", path=found) is None:
        raise SystemExit("protoc-gen-mypy is not installed: run `make setup`")
    protos = sorted(path.relative_to(PROTO).as_posix() for path in PROTO.rglob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}"]
    command += [f"--{kind}_out={out}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    finished = subprocess.run(
        [*command, *protos],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": found},
    )
    if finished.returncode != 0:
        raise SystemExit(finished.stderr or "protoc failed")


def stubs(root: Path) -> dict[str, bytes]:
    """Every generated file under `root`, by its path there."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for package in ("rpc", "events")
        for pattern in GENERATED
        for path in sorted((root / "onrecord" / package / "v1").glob(pattern))
    }


def report(wanted: dict[str, bytes], present: dict[str, bytes]) -> int:
    names = sorted(wanted.keys() | present.keys())
    different = [name for name in names if wanted.get(name) != present.get(name)]
    for name in different:
        sys.stderr.write(f"services/{name} is not what proto/ generates: run `make proto`\n")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
