"""The support matrix (docs/support.md) says what was tested: the versions that tests run on."""

import re
from pathlib import Path

import pytest

from deploy.local.part import Part
from deploy.local.parts.kafka import Kafka
from deploy.local.parts.keycloak import Keycloak
from deploy.local.parts.milvus import Milvus
from deploy.local.parts.postgres import Postgres
from deploy.local.parts.prometheus import Prometheus
from deploy.local.parts.s3 import S3
from deploy.local.parts.triton import Triton

ROOT = Path(__file__).resolve().parents[3]
LINES = (ROOT / "docs" / "support.md").read_text("utf-8").splitlines()
ROWS = {
    cells[0]: cells[1:]
    for line in LINES
    if line.startswith("| ")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}
PARTS: dict[str, Part] = {
    "PostgreSQL": Postgres(),
    "Kafka": Kafka(),
    "Milvus, server": Milvus(),
    "Triton": Triton(()),
    "S3": S3(),
    "identity provider": Keycloak(),
    "Prometheus": Prometheus(),
}
PACKAGES = {"Milvus Lite": "milvus-lite", "ONNX Runtime": "onnxruntime"}


@pytest.mark.parametrize("name", PARTS)
def test_the_tested_version_is_the_one_that_is_started(name: str) -> None:
    assert re.search(rf"\b{re.escape(PARTS[name].version)}\b", ROWS[name][0])


@pytest.mark.parametrize("name", PACKAGES)
def test_the_tested_version_is_the_one_in_the_lock(name: str) -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    locked = re.search(rf"^{PACKAGES[name]}==(\S+)", lock, re.MULTILINE)
    assert locked is not None
    assert locked[1].startswith(ROWS[name][0].split(",")[0])


def test_tests_that_it_names_are_there() -> None:
    named = [path for row in ROWS.values() for path in re.findall(r"`(tests/[^`]+)`", row[-1])]
    assert len(named) >= len(PARTS)
    for path in named:
        assert list(ROOT.glob(path)), path
