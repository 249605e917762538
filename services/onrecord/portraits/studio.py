"""Where pictures are taken: the head model loaded once, then one person after another."""

import io
from dataclasses import dataclass
from pathlib import Path

import cv2
from PIL import Image

from onrecord.portraits.eyes import draw_eyes
from onrecord.portraits.facial_hair import draw_beard, draw_brows, paint_scalp
from onrecord.portraits.glasses import draw_glasses
from onrecord.portraits.hair import grow_hair
from onrecord.portraits.hairstyle import draw_hairstyle
from onrecord.portraits.headmodel import HeadModel, load_head_model
from onrecord.portraits.person import Person, draw_person
from onrecord.portraits.picture import Sitter, draw_picture
from onrecord.portraits.scene import licence_scene, probe_scene
from onrecord.portraits.shape import draw_shape
from onrecord.portraits.skin import paint_skin
from onrecord.portraits.visibility import vertex_normals


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
            sitter = seat(self.model, person)
            files = []
            for shot in shots:
                scene = probe_scene(person, shot) if shot else licence_scene(person)
                picture = draw_picture(self.model, sitter, scene, f"{shot}", size)
                buffer = io.BytesIO()
                Image.fromarray(picture).save(buffer, "JPEG", quality=scene.quality)
                files.append(buffer.getvalue())
            return files
        finally:
            cv2.setNumThreads(threads)


def seat(model: HeadModel, person: Person) -> Sitter:
    """Make everything that is the same in all pictures of a person."""
    face = model.face_map
    neutral = draw_shape(model, person)
    normals = vertex_normals(neutral, model.triangles)
    style = draw_hairstyle(person)
    beard, shade = draw_beard(face, person, style)
    return Sitter(
        person=person,
        neutral=neutral,
        skin=paint_skin(face, person, (paint_scalp(face, person, style), shade)),
        eyes=draw_eyes(person),
        hair=grow_hair(model, person, style, neutral, normals),
        glasses=draw_glasses(person),
        tufts=(draw_brows(face, person, style), beard),
    )
