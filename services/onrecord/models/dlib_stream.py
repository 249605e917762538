"""The primitives of dlib's serialisation: numbers, text and tensors, as its files hold them.

integer: a byte (how many bytes follow, with the high bit for a minus), then the magnitude, little
end first. Float: integer mantissa m, integer exponent e, m x 2^e. Bool: ASCII 0 or 1. Text:
integer length, bytes. Tensor: integer 2, four integers n, k, r, c, then float32, little end first.
Alias tensor: integer 1 and the four integers; it points into another tensor and has no data.
"""

import numpy as np

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.models.graph import Float

Shape = tuple[int, int, int, int]
_TENSOR = 2
_ALIAS = 1
_MAX_INTEGER_BYTES = 8


def damaged(what: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.MODEL_SOURCE, f"This is not a dlib network that can be read: {what}."
    )


class DlibStream:
    """Reads from the start of `content` to its end. Raises MODEL_SOURCE, never past it."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._content)

    def integer(self) -> int:
        control = self._take(1)[0]
        size = control & 0x7F
        if size > _MAX_INTEGER_BYTES:
            raise damaged(f"an integer of {size} bytes before byte {self._at}")
        magnitude = int.from_bytes(self._take(size), "little")
        return -magnitude if control & 0x80 else magnitude

    def count(self) -> int:
        """An integer that counts something."""
        value = self.integer()
        if value < 0:
            raise damaged(f"a negative count before byte {self._at}")
        return value

    def real(self) -> float:
        mantissa = self.integer()
        exponent = self.integer()
        if abs(exponent) > 1100:
            raise damaged(f"an exponent of {exponent} before byte {self._at}")
        return float(mantissa * 2.0**exponent)

    def reals(self, number: int) -> tuple[float, ...]:
        return tuple(self.real() for _ in range(number))

    def flag(self) -> bool:
        byte = self._take(1)
        if byte not in (b"0", b"1"):
            raise damaged(f"{byte!r} where a bool should stand, before byte {self._at}")
        return byte == b"1"

    def text(self) -> str:
        return self._take(self.count()).decode("latin-1")

    def integer_or_text(self, longest_integer: int) -> int | str:
        """An integer up to `longest_integer`; a larger one is the length of a text."""
        value = self.count()
        return value if value <= longest_integer else self._take(value).decode("latin-1")

    def tensor(self) -> Float:
        """Shape `[n, k, r, c]`, read-only."""
        self.expect(_TENSOR, "a tensor")
        shape = self._shape()
        data = self._take(4 * int(np.prod(shape, dtype=object)))
        return np.frombuffer(data, dtype="<f4").reshape(shape)

    def alias(self) -> Shape:
        self.expect(_ALIAS, "an alias of a tensor")
        return self._shape()

    def expect(self, wanted: int, what: str) -> None:
        found = self.integer()
        if found != wanted:
            raise damaged(f"{found} where {what} ({wanted}) should begin, before byte {self._at}")

    def _shape(self) -> Shape:
        return (self.count(), self.count(), self.count(), self.count())

    def _take(self, size: int) -> bytes:
        if size > len(self._content) - self._at:
            raise damaged(f"it ends at byte {len(self._content)}, in the middle of something")
        self._at += size
        return self._content[self._at - size : self._at]
