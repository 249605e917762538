"""Where pictures are taken: the head model loaded once, then one person after another."""

import io
from dataclasses import dataclass
from pathlib import Path

import cv2
from PIL import Image

from onrecord.portraits.headmodel import HeadModel, load_head_model
from onrecord.portraits.person import draw_person
from onrecord.portraits.picture import draw_picture
from onrecord.portraits.scene import licence_scene, probe_scene
from onrecord.portraits.shape import draw_shape


@dataclass(frozen=True, slots=True)
class Studio:
    """One process's loaded assets."""

    model: HeadModel

    @classmethod
    def open(cls, cache: Path) -> "Studio":
        return cls(load_head_model(cache))

    def photograph(
        self, seed: int, index: int, shots: list[int], size: tuple[int, int]
    ) -> list[bytes]:
        """JPEG files of the person: shot 0 is the licence portrait, k the k-th probe."""
        # One thread, for the same bytes everywhere and for a pool that does not fight itself.
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            person = draw_person(seed, index)
            neutral = draw_shape(self.model, person)
            files = []
            for shot in shots:
                scene = probe_scene(person, shot) if shot else licence_scene(person)
                picture = draw_picture(self.model, person, neutral, scene, size)
                buffer = io.BytesIO()
                Image.fromarray(picture).save(buffer, "JPEG", quality=scene.quality)
                files.append(buffer.getvalue())
            return files
        finally:
            cv2.setNumThreads(threads)
