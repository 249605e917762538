"""What the gateway allows itself and its clients."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds.

    `admission` is how many calls are worked on at once; one more is shed. `upload_seconds` bounds
    how long a client may take to send a body, since it holds a place meanwhile.
    """

    image_bytes: int = 20_000_000
    request_bytes: int = 256 * 1024
    document_bytes: int = 2 * 1024 * 1024
    admission: int = 16
    fan_out: int = 16
    upload_seconds: float = 60.0
    search_seconds: float = 30.0
    call_seconds: float = 10.0
    page: int = 100
