"""Other people's programs that check ours, built unmodified: once for each version.

`python tools/interop_tools.py` builds what is missing into `$ONRECORD_CACHE/tools` (default
`.cache/tools`), if there is a Go, and says so if there is none. Needs the module proxy once.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Tool(NamedTuple):
    """A command of a Go module at a version."""

    name: str
    package: str
    version: str

    @property
    def path(self) -> Path:
        cache = Path(os.environ.get("ONRECORD_CACHE", ROOT / ".cache"))
        return cache / "tools" / f"{self.name}-{self.version}" / self.name


_TESSERA = "github.com/transparency-dev/tessera"
FSCK = Tool("fsck", f"{_TESSERA}/cmd/fsck", "v1.0.4")
ONESHOT = Tool("posix-oneshot", f"{_TESSERA}/cmd/examples/posix-oneshot", "v1.0.4")
LITEWITNESS = Tool("litewitness", "filippo.io/torchwood/cmd/litewitness", "v0.7.0")
TOOLS = (FSCK, ONESHOT, LITEWITNESS)


def main() -> int:
    """Build what is missing. 0 also where that cannot be, but for CI: tests say what they miss."""
    missing = [tool for tool in TOOLS if not tool.path.is_file()]
    go = shutil.which("go")
    if missing and go is None:
        sys.stdout.write("There is no Go here: what others wrote does not check ours.\n")
        return 0
    for tool in missing:
        sys.stdout.write(f"==> {tool.package}@{tool.version}, once (a minute or two)\n")
        sys.stdout.flush()
        environment = {**os.environ, "GOBIN": str(tool.path.parent), "GOFLAGS": "-buildvcs=false"}
        built = subprocess.run(
            [str(go), "install", f"{tool.package}@{tool.version}"], env=environment, check=False
        )
        if built.returncode:
            sys.stdout.write(f"{tool.name} could not be built: its tests are skipped.\n")
            if os.environ.get("CI") == "true":
                return built.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
