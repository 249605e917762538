"""R-44: the buckets of an installation are made by a command, and models carried by one."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.local.running import Running
from onrecord.chassis.objects import open_objects
from onrecord.chassis.objects.buckets import make_bucket
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.models import carrying
from tests.builders.models import registry_repository
from tests.cluster.test_objects_s3 import access


def test_a_bucket_is_made_once(s3: Running) -> None:
    """A second time it is there already: jobs are repeated."""
    bucket = f"made-{uuid.uuid4().hex[:8]}"
    assert make_bucket(bucket, access(s3), datetime.now(UTC))
    assert not make_bucket(bucket, access(s3), datetime.now(UTC))
    store = open_objects(f"s3://{bucket}/prefix", access(s3))
    store.put("a", b"1")
    assert store.get("a") == b"1"


def test_who_has_not_the_key_makes_no_bucket(s3: Running) -> None:
    """The signature is looked at by somebody who is not us."""
    with pytest.raises(OnRecordError) as refused:
        make_bucket("not-made", access(s3, secret_key="of-somebody-else"), datetime.now(UTC))
    assert refused.value.code is ErrorCode.OBJECTS_UNAVAILABLE


def test_models_come_from_a_bucket_as_they_went_into_it(s3: Running, tmp_path: Path) -> None:
    bucket = f"models-{uuid.uuid4().hex[:8]}"
    make_bucket(bucket, access(s3), datetime.now(UTC))
    store = open_objects(f"s3://{bucket}/models", access(s3))
    put = carrying.push(registry_repository(), store)
    assert carrying.fetch(store, tmp_path, cards_only=False) == put
