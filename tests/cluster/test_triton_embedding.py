"""The embedding contract with Triton running the model: the very suite that one process passes."""

import pytest

from onrecord.chassis.inference import Models
from onrecord.chassis.inference.triton import TritonModels
from tests.contract.conftest import *  # noqa: F403 - its fixtures
from tests.contract.test_embedding import *  # noqa: F403 - the suite, with a server under it


@pytest.fixture  # type: ignore[no-redef]  # in the place of the suite's own
def models(triton_models: TritonModels) -> Models:
    return triton_models
