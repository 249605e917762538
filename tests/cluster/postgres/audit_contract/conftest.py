from pathlib import Path

import pytest

from tests.builders.audit import audit_for_test
from tests.contract.conftest import audit, authority_folder, net, refused, way

__all__ = ["audit", "authority_folder", "net", "refused", "settled", "way"]


@pytest.fixture(scope="package")
def settled(on_postgres: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger in which the demo states have their policies, to be copied."""
    folder = tmp_path_factory.mktemp("settled")
    audit_for_test(folder).close()
    return folder
