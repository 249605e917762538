"""Making a bucket: what obstore does not do.

One request, signed as AWS's Signature Version 4 describes it; everything that speaks S3 takes it.
"""

import hashlib
import hmac
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from onrecord.chassis.objects.opening import ObjectAccess
from onrecord.kernel.errors import ErrorCode, OnRecordError

_DEFAULT_REGION: Final = "us-east-1"
_OURS_ALREADY: Final = b"BucketAlreadyOwnedByYou"
_SHOWN: Final = 200


def make_bucket(bucket: str, access: ObjectAccess, now: datetime) -> bool:
    """Make a bucket where there is none; whether it was made now. `now` in UTC.

    Raises OBJECTS_UNAVAILABLE where the store does not answer or refuses, also where the bucket is
    somebody else's.
    """
    endpoint = access.endpoint or f"https://s3.{access.region}.amazonaws.com"
    url = f"{endpoint.rstrip('/')}/{bucket}"
    abroad = access.region != _DEFAULT_REGION
    body = _located(access.region) if abroad and not access.endpoint else b""
    request = urllib.request.Request(url, data=body, method="PUT")  # noqa: S310 - the operator's own
    for name, value in signed("PUT", url, body, access, now).items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=access.seconds):  # noqa: S310 - as above
            return True
    except urllib.error.HTTPError as error:
        said = error.read()
        if error.code == 409 and _OURS_ALREADY in said:
            return False
        raise _unavailable(
            bucket, f"{error.code} {said[:_SHOWN].decode(errors='replace')}"
        ) from error
    except OSError as error:
        raise _unavailable(bucket, str(error)) from error


def signed(
    method: str, url: str, body: bytes, access: ObjectAccess, now: datetime
) -> Mapping[str, str]:
    """The headers that prove whose request it is. Its path and query are taken as they stand."""
    parts = urllib.parse.urlsplit(url)
    digest = hashlib.sha256(body).hexdigest()
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": parts.netloc, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    asked = "\n".join((method, parts.path or "/", parts.query, lines, names, digest))
    scope = f"{stamp[:8]}/{access.region}/s3/aws4_request"
    hashed = hashlib.sha256(asked.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashed))
    key = f"AWS4{access.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={access.access_key}/{scope}"
    shown = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"
    return {name: value for name, value in headers.items() if name != "host"} | {
        "Authorization": shown
    }


def _located(region: str) -> bytes:
    return (
        '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
    ).encode()


def _unavailable(bucket: str, said: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.OBJECTS_UNAVAILABLE, f"the bucket {bucket} could not be made: {said}"
    )
