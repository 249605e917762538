"""The ordinary clients of the registries that parts come from."""

import sys
from pathlib import Path

from deploy.local.tools import InstallError, run

_MAVEN = ("mvn", "-q", "-B", "dependency:copy-dependencies")
_PIP = ("-m", "pip", "install", "-q", "--no-deps", "--only-binary=:all:")
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>onrecord-tools</artifactId><version>1</version>
<dependencies>{}</dependencies></project>
"""


def maven(folder: Path, *coordinates: str) -> None:
    """Copy artefacts and what they need into `folder/libs`.

    Coordinates are `group:artefact:version[:type]`. Compare with `tools.check` what came.
    """
    (folder / "pom.xml").write_text(_POM.format("".join(_dependency(one) for one in coordinates)))
    run(
        [*_MAVEN, "-DoutputDirectory=libs", "-DincludeScope=runtime"],
        cwd=folder,
    )


def _dependency(coordinate: str) -> str:
    group, artefact, version, *kind = coordinate.split(":")
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{artefact}</artifactId>"
        f"<version>{version}</version><type>{kind[0] if kind else 'jar'}</type></dependency>"
    )


def python(folder: Path, requirements: Path, *options: str) -> Path:
    """A virtual environment in `folder/venv` with exactly what `requirements` names.

    The file gives each package `==` a version with its `--hash=`; pip refuses what differs.
    The path of its Python.
    """
    run([sys.executable, "-m", "venv", "venv"], cwd=folder)
    there = folder / "venv" / "bin" / "python"
    run(
        [str(there), *_PIP, "--require-hashes", *options, "-r", str(requirements)],
        cwd=folder,
    )
    return there


def go(folder: Path, package: str, version: str, *options: str) -> None:
    """Build a Go command into `folder`. Go itself compares with its checksum database."""
    run(
        ["go", "install", *options, f"{package}@{version}"],
        cwd=folder,
        env={"GOBIN": str(folder), "GOFLAGS": "-buildvcs=false"},
    )


def debian(folder: Path, *packages: str) -> None:
    """Unpack Debian packages (`name=version`, or `name`) into `folder/root`; the machine is left
    as it is. apt compares with its signed lists.
    """
    run(["apt-get", "download", "-q", *packages], cwd=folder)
    archives = sorted(folder.glob("*.deb"))
    if len(archives) != len(packages):
        raise InstallError(f"apt-get brought {len(archives)} of {len(packages)} packages")
    for archive in archives:
        run(["dpkg-deb", "-x", archive.name, "root"], cwd=folder)
        archive.unlink()
