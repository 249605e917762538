"""The object store's contract, on a real S3 gateway."""

import uuid

import pytest

from deploy.local.parts.s3 import S3
from deploy.local.running import Running
from onrecord.chassis.objects import ObjectAccess, ObjectStore, open_objects
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.cluster.conftest import BUCKET
from tests.contract.objects_suite import *  # noqa: F403 - the suite itself


def access(s3: Running, **differently: str) -> ObjectAccess:
    part = s3.part
    assert isinstance(part, S3)
    keys = {"access_key": part.access_key(s3.place), "secret_key": part.secret_key(s3.place)}
    return ObjectAccess(part.endpoint(s3.place), **{**keys, **differently}, seconds=5.0)


@pytest.fixture
def objects(s3: Running) -> ObjectStore:
    """A prefix of its own, in the bucket of all."""
    return open_objects(f"s3://{BUCKET}/{uuid.uuid4().hex}", access(s3))


def test_two_prefixes_do_not_see_each_other(s3: Running) -> None:
    one, other = (open_objects(f"s3://{BUCKET}/{uuid.uuid4().hex}", access(s3)) for _ in range(2))
    one.put("a", b"1")
    assert not other.exists("a")
    assert list(other.keys("")) == []


@pytest.mark.parametrize(
    ("place", "differently"),
    [("s3://no-such-bucket", {}), (f"s3://{BUCKET}", {"secret_key": "of-somebody-else"})],
)
def test_a_store_that_does_not_let_us_in_is_away(
    s3: Running, place: str, differently: dict[str, str]
) -> None:
    """Law 4: a refusal by the store is never taken for "there is no such object"."""
    store = open_objects(place, access(s3, **differently))
    with pytest.raises(OnRecordError) as refused:
        store.put("a", b"x")
    assert refused.value.code is ErrorCode.OBJECTS_UNAVAILABLE
