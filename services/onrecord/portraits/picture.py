"""One picture of one person: draws a scene into an sRGB image."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from onrecord.portraits.background import draw_background
from onrecord.portraits.camera import Camera, camera_for
from onrecord.portraits.clothes import draw_clothes
from onrecord.portraits.eyes import Eyes
from onrecord.portraits.facial_hair import Tuft, grow_lashes
from onrecord.portraits.glasses import Glasses
from onrecord.portraits.headmodel import HeadModel
from onrecord.portraits.makehuman import SKIN
from onrecord.portraits.person import Person
from onrecord.portraits.raster import Floats
from onrecord.portraits.scene import Scene
from onrecord.portraits.skin import Skin
from onrecord.portraits.strands import Strands, draw_strands
from onrecord.portraits.surfaces import draw_surfaces
from onrecord.portraits.visibility import vertex_normals

SAMPLES = 1.5
_EXPOSURE = 1.06


@dataclass(frozen=True, slots=True)
class Sitter:
    """A person made ready once, for any number of pictures."""

    person: Person
    neutral: Floats
    skin: Skin
    eyes: Eyes
    hair: Strands
    tufts: tuple[Tuft, ...]
    glasses: Glasses | None


def draw_picture(
    model: HeadModel, sitter: Sitter, scene: Scene, occasion: str, size: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    """The picture as RGB (height, width, 3)."""
    camera = camera_for(scene, size, SAMPLES)
    clothes = draw_clothes(sitter.person, occasion)
    vertices = sitter.neutral.copy()
    for name, weight in scene.units.items():
        index, delta = model.targets[name]
        vertices[index] += delta * np.float32(weight)
    rest = vertex_normals(vertices, model.triangles)
    dressed = vertices + rest * (clothes.lift(model.base) * (model.part == SKIN))[:, None]
    frame, depth = draw_surfaces(model, sitter.skin, sitter.eyes, scene, camera, clothes, dressed)
    bare = depth.copy()
    for tuft in sitter.tufts:
        strands = tuft.grow(model, vertices, rest)
        draw_strands(frame, depth, camera, strands, scene.light, 0.004)
    draw_strands(
        frame, depth, camera, grow_lashes(model, sitter.person, vertices), scene.light, 0.01
    )
    if scene.glasses and sitter.glasses:
        frame_of_glasses = sitter.glasses.build(model, vertices)
        draw_strands(frame, depth, camera, frame_of_glasses, scene.light, 0.0)
    _shade_under_hair(frame, depth, bare, camera, sitter.hair, scene)
    image = frame.reshape(camera.size[1], camera.size[0], 3)
    behind = draw_background(sitter.person, scene, occasion, size)
    return _develop(image, depth.reshape(image.shape[:2]), behind, sitter, scene, occasion, size)


def _shade_under_hair(
    frame: Floats, depth: Floats, bare: Floats, camera: Camera, hair: Strands, scene: Scene
) -> None:
    """Draw the hair and let it keep light from the skin beside and below it."""
    before = depth.copy()
    strands = np.zeros_like(frame)
    draw_strands(strands, depth, camera, hair, scene.light, 0.02)
    covered = depth < before
    shape = (camera.size[1], camera.size[0])
    mask = covered.astype(np.float32).reshape(shape)
    reach = camera.scale * 0.10
    fallen = cv2.resize(np.roll(mask, round(reach * 0.6), axis=0), None, fx=0.25, fy=0.25,
                        interpolation=cv2.INTER_AREA)  # fmt: skip
    soft = cv2.GaussianBlur(fallen, (0, 0), reach * 0.15)
    shade = cv2.resize(soft, camera.size, interpolation=cv2.INTER_LINEAR).ravel()
    frame *= (1 - 0.5 * shade * np.isfinite(bare))[:, None]
    frame[covered] = strands[covered]
    _close_gaps(frame, depth, mask, strands, shape)


def _close_gaps(
    frame: Floats, depth: Floats, mask: Floats, strands: Floats, shape: tuple[int, int]
) -> None:
    """Fill pinholes between strands with the hair around them, as deep hair is."""
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((4, 4), np.uint8))
    density = cv2.blur(mask, (7, 7))
    # Not at the edges, where single hairs stand before the wall.
    holes = np.flatnonzero(((closed > mask) & (density > 0.7)).ravel())
    if len(holes) == 0:
        return
    around = cv2.blur(strands.reshape(*shape, 3), (7, 7)).reshape(-1, 3)[holes]
    share = density.ravel()[holes]
    frame[holes] = around / np.maximum(share, 0.05)[:, None] * np.float32(0.8)
    depth[holes] = np.minimum(depth[holes], 1e3)


def _develop(
    image: Floats, depth: Floats, behind: Floats, sitter: Sitter, scene: Scene, occasion: str,
    size: tuple[int, int],
) -> npt.NDArray[np.uint8]:  # fmt: skip
    """Down to the picture's size, over its background, through the camera's faults, to sRGB."""
    cover = np.isfinite(depth).astype(np.float32)
    small = cv2.resize(np.dstack([image, cover]), size, interpolation=cv2.INTER_AREA)
    picture = small[:, :, :3] + behind * (1 - small[:, :, 3:4])
    if scene.blur > 0.2:
        picture = cv2.GaussianBlur(picture, (0, 0), scene.blur)
    exposed = np.clip(picture * _EXPOSURE, 0, None)
    # A shoulder, so that highlights do not clip to flat white.
    toned = exposed * (1 + exposed * 0.25) / (1 + exposed * 0.62)
    encoded = cv2.pow(np.asarray(toned, np.float32), 1 / 2.2) * 255
    grain = sitter.person.stream(f"grain {occasion}").standard_normal(
        (*encoded.shape[:2], 1), np.float32
    )
    return np.asarray(np.clip(encoded + grain * scene.noise + 0.5, 0, 255), np.uint8)
