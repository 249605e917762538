"""R-33: what the gateway passes on is what detection decodes, by the first bytes alone."""

from hypothesis import example, given
from hypothesis import strategies as st

from onrecord.detection.core.image_types import read_header
from onrecord.gateway.core.image_type import UNKNOWN, media_type
from onrecord.kernel.errors import ErrorCode, OnRecordError

_BEGINNINGS = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\x10\0\0\0WEBP",
    b"RIFF\x10\0\0\0WAVE",
    b"GIF89a",
    b"II*\0",
    b"BM",
    b"%PDF-1.7",
    b"1.001:1234\x1d1.002:0500\x1d",  # ANSI/NIST-ITL
    b"<svg",
    b"\0\0\0\x18ftypheic",
)


@given(st.sampled_from(_BEGINNINGS), st.integers(0, 16), st.binary(max_size=64))
@example(b"\xff\xd8\xff", 2, b"")
@example(b"\x89PNG\r\n\x1a\n", 7, b"")
def test_both_know_the_same_kinds(beginning: bytes, length: int, rest: bytes) -> None:
    image = beginning[:length] + rest
    code = None
    try:
        read_header(image)
    except OnRecordError as error:
        code = error.code
    unknown = code in (ErrorCode.IMAGE_TYPE_UNSUPPORTED, ErrorCode.IMAGE_EMPTY)
    assert unknown == (media_type(image) == UNKNOWN), code
