"""What detection needs from outside."""

from typing import Protocol

from onrecord.contracts.images import Pixels
from onrecord.detection.core.faces import Faces, Floats
from onrecord.kernel.deadlines import Deadline


class FaceDetector(Protocol):
    """Finds every face in an image. MUST be safe to share between threads."""

    @property
    def family(self) -> str:
        """The name under which an embedder's card keeps its landmark template: `yunet`, `mtcnn`."""
        ...

    @property
    def model_id(self) -> str:
        """What stands on statements; of several networks, that of the last."""
        ...

    def find(self, pixels: Pixels, deadline: Deadline) -> Faces:
        """The faces of an image [H, W, 3] uint8 RGB, each once, best first, in its pixels.

        Raises DEADLINE_EXCEEDED between passes.
        """
        ...


class ImageDecoder(Protocol):
    """Turns an encoded image into pixels. MUST NOT decode before the header's limits are checked.

    MUST be safe to share between threads.
    """

    def decode(self, image: bytes) -> Pixels:
        """RGB uint8 [H, W, 3], upright, no side above the working size. Raises IMAGE_*."""
        ...


class Warp(Protocol):
    """Cuts an aligned face out of an image."""

    def __call__(self, pixels: Pixels, matrix: Floats, width: int, height: int) -> Pixels:
        """What `matrix` (2 x 3, image to crop) takes into `width` x `height` pixels.

        Filtered where it shrinks, black beyond the frame. uint8 RGB.
        """
        ...
