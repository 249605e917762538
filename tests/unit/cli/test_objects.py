"""`onrecord objects make`: what it refuses before it asks anybody (R-44)."""

import pytest
from click.testing import CliRunner

from onrecord.cli.objects import objects

_KEYS = ("--access-key", "a", "--secret-key", "b")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("s3://vault",), "takes an access key"),
        (("vault", *_KEYS), "'vault' is not s3://bucket"),
        (("s3://", *_KEYS), "'s3://' is not s3://bucket"),
    ],
)
def test_what_is_no_bucket_or_has_no_key_is_refused(arguments: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(objects, ["make", *arguments], env={"ONRECORD_OBJECTS_ENDPOINT": ""})
    assert done.exit_code == 2
    assert said in done.output


def test_a_store_that_does_not_answer_is_said_with_the_bucket() -> None:
    nobody = ("--endpoint", "http://127.0.0.1:9")
    done = CliRunner().invoke(objects, ["make", "s3://vault", *nobody, *_KEYS])
    assert done.exit_code == 1
    assert "the bucket vault could not be made" in str(done.exception)
