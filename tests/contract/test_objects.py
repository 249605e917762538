"""The object store's contract, on a local directory (S3: `tests/cluster/test_objects_s3.py`)."""

from pathlib import Path

import pytest

from onrecord.chassis.objects import LocalObjects, ObjectAccess, ObjectStore, open_objects
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.contract.objects_suite import *  # noqa: F403 - the suite itself


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return LocalObjects(tmp_path / "objects")


@pytest.mark.parametrize("place", ["ftp://host/folder", "s3://", "s3://UPPER/x", "s3:///x"])
def test_a_place_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(OnRecordError) as refused:
        open_objects(place, ObjectAccess())
    assert refused.value.code is ErrorCode.SETTINGS_INVALID


def test_a_store_that_nobody_answers_for_is_said_to_be_away() -> None:
    """Law 4: unavailable is its own answer, never "there is no such object"."""
    store = open_objects(
        "s3://some-bucket/x",
        ObjectAccess("http://127.0.0.1:9", access_key="a", secret_key="b", seconds=0.5),
    )
    for ask in (
        lambda: store.get("a"),
        lambda: store.exists("a"),
        lambda: store.put("a", b"x"),
        lambda: store.delete("a"),
        lambda: list(store.keys("")),
    ):
        with pytest.raises(OnRecordError) as refused:
            ask()
        assert refused.value.code is ErrorCode.OBJECTS_UNAVAILABLE
        assert "secret" not in refused.value.message
