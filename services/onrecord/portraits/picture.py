"""One picture of one person: draws a scene into an sRGB image."""

import cv2
import numpy as np
import numpy.typing as npt

from onrecord.portraits.camera import camera_for
from onrecord.portraits.headmodel import HeadModel
from onrecord.portraits.person import Person
from onrecord.portraits.raster import Floats, rasterise
from onrecord.portraits.scene import Scene
from onrecord.portraits.visibility import vertex_normals

SAMPLES = 1.6


def draw_picture(
    model: HeadModel, person: Person, neutral: Floats, scene: Scene, size: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    """The picture as RGB (height, width, 3)."""
    camera = camera_for(scene, size, SAMPLES)
    vertices = neutral.copy()
    for name, weight in scene.units.items():
        index, delta = model.targets[name]
        vertices[index] += delta * np.float32(weight)
    posed = camera.pose(vertices)
    xy, depth = camera.project(posed)
    fragments = rasterise(xy, depth, model.triangles, *camera.size)
    normals = vertex_normals(posed, model.triangles)
    attributes = np.concatenate([normals, model.ambient[:, None], model.masks[:, :2]], axis=1)
    at = fragments.interpolate(model.triangles, attributes)
    direction = np.array(scene.light.direction, np.float32)
    tone = np.array([0.62, 0.40, 0.30]) * (1 - 0.85 * person.skin_tone)
    lit = np.clip(at[:, :3] @ direction, 0, None)[:, None] * np.array(scene.light.key)
    lit = lit + at[:, 3:4] * np.array(scene.light.ambient)
    frame = np.full((camera.size[1] * camera.size[0], 3), 0.55, np.float32)
    frame[fragments.pixel] = lit * tone
    image = cv2.resize(
        frame.reshape(camera.size[1], camera.size[0], 3), size, interpolation=cv2.INTER_AREA
    )
    return np.asarray(np.clip(image, 0, 1) ** (1 / 2.2) * 255, np.uint8)
