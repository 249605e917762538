"""Which kind of image some bytes are, by their content alone (R-33)."""

UNKNOWN = "application/octet-stream"
"""What a browser will not render, and detection does not decode."""


def media_type(data: bytes) -> str:
    """One of the kinds that are accepted, or bytes that a browser will not render."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return UNKNOWN
