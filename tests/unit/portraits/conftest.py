"""One small population for all portrait tests; its asset comes from PyPI into the cache, once."""

import os
from pathlib import Path

import pytest

from onrecord.portraits.make import make_portraits
from onrecord.portraits.studio import Studio

REPOSITORY = Path(__file__).resolve().parents[3]
PEOPLE, SEED = 4, 11


@pytest.fixture(scope="session")
def asset_cache() -> Path:
    given = os.environ.get("ONRECORD_CACHE")
    return Path(given) if given else REPOSITORY / ".cache"


@pytest.fixture(scope="session")
def studio(asset_cache: Path) -> Studio:
    return Studio.open(asset_cache)


@pytest.fixture(scope="session")
def own_cache(asset_cache: Path, studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the asset in it and not one picture."""
    cache = tmp_path_factory.mktemp("cache")
    (cache / "portraits").mkdir()
    for file in (asset_cache / "portraits").iterdir():
        if file.suffix in (".whl", ".npz"):
            (cache / "portraits" / file.name).symlink_to(file.resolve())
    return cache


@pytest.fixture(scope="session")
def population(own_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("population")
    make_portraits(out, people=PEOPLE, seed=SEED, cache=own_cache, workers=1)
    return out
