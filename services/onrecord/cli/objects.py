"""`onrecord objects make`: the buckets of an installation."""

from datetime import UTC, datetime

import click

from onrecord.chassis.objects.buckets import make_bucket
from onrecord.chassis.objects.opening import ObjectAccess
from onrecord.chassis.objects.options import object_options


@click.group()
def objects() -> None:
    """Make the buckets of an installation."""


@objects.command()
@click.argument("places", nargs=-1, required=True, metavar="s3://BUCKET[/PREFIX]...")
@object_options
def make(
    places: tuple[str, ...], endpoint: str, region: str, access_key: str, secret_key: str
) -> None:
    """Make the buckets that are missing; those that are ours already stay as they are.

    It takes keys: credentials that a platform gives a process are not known to it. What a bucket
    must be besides (no versions are kept), `onrecord preflight` looks at.
    """
    if not (access_key and secret_key):
        raise click.UsageError("making buckets takes an access key and a secret key")
    access = ObjectAccess(endpoint, region, access_key, secret_key)
    for bucket in dict.fromkeys(_bucket(place) for place in places):
        made = make_bucket(bucket, access, datetime.now(UTC))
        click.echo(f"{'made ' if made else 'there'}  {bucket}")


def _bucket(place: str) -> str:
    bucket = place.removeprefix("s3://").partition("/")[0]
    if not place.startswith("s3://") or not bucket:
        raise click.UsageError(f"{place!r} is not s3://bucket or s3://bucket/prefix")
    return bucket
