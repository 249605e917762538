"""Skin, clothes, eyes and mouth: from triangles to linear colour."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from onrecord.portraits.camera import Camera
from onrecord.portraits.clothes import Clothes
from onrecord.portraits.eyes import Eyes, eye_albedo
from onrecord.portraits.headmodel import LEFT_EYE, RIGHT_EYE, SKIN, TEETH, TONGUE, HeadModel
from onrecord.portraits.raster import Floats, rasterise
from onrecord.portraits.scene import Light, Scene
from onrecord.portraits.shading import (
    highlight,
    irradiance,
    key_visibility,
    lean,
    sample_map,
    skin_wrap,
    unit,
)
from onrecord.portraits.skin import Skin
from onrecord.portraits.visibility import vertex_normals


def draw_surfaces(
    model: HeadModel, skin: Skin, eyes: Eyes, scene: Scene, camera: Camera, clothes: Clothes,
    vertices: Floats,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Linear RGB (pixels, 3) and depth (pixels) of skin, eyes, teeth and clothes."""
    posed = camera.pose(vertices)
    xy, depth = camera.project(posed)
    seen = rasterise(xy, depth, model.triangles, *camera.size)
    light_at_head = np.array(scene.light.direction, np.float32) @ camera.turn
    local = model.base.copy()
    for part in (LEFT_EYE, RIGHT_EYE):
        ball = vertices[model.part == part]
        local[model.part == part] = unit(ball - (ball.min(axis=0) + ball.max(axis=0)) / 2)
    attributes = np.concatenate(
        [
            vertex_normals(posed, model.triangles), local, model.texel,
            key_visibility(model, light_at_head)[:, None], model.ambient[:, None],
            model.masks[:, 3:4],
        ],
        axis=1,
    )  # fmt: skip
    at = seen.interpolate(model.triangles, attributes)
    part = model.part[model.triangles[seen.triangle, 0]]
    colour = np.empty((len(at), 3), np.float32)
    above = clothes.above_neckline(at[:, 3:6])
    on_skin = part == SKIN
    cloth = on_skin & (above < 0)
    ball = (part == LEFT_EYE) | (part == RIGHT_EYE)
    light, gaze = scene.light, scene.gaze
    painters: tuple[tuple[npt.NDArray[np.bool_], Callable[[Floats], Floats]], ...] = (
        (on_skin & ~cloth, lambda spots: _skin_colour(spots, skin, light, clothes)),
        (cloth, lambda spots: _cloth_colour(spots, light, clothes)),
        (ball, lambda spots: _eye_colour(spots, eyes, light, gaze)),
        ((part == TEETH) | (part == TONGUE), lambda spots: _mouth_colour(spots, light)),
    )
    for members, paint in painters:
        index = np.flatnonzero(members)
        if len(index):
            colour[index] = paint(at[index])
    frame = np.zeros((camera.size[0] * camera.size[1], 3), np.float32)
    frame[seen.pixel] = colour
    return frame, seen.depth


def _skin_colour(at: Floats, skin: Skin, light: Light, clothes: Clothes) -> Floats:
    albedo = sample_map(skin.albedo, at[:, 6:8])
    normals = lean(at[:, :3], sample_map(skin.slope, at[:, 6:8]))
    inside = np.clip(at[:, 10], 0, 1)[:, None]
    albedo *= 1 - inside * np.array([0.55, 0.80, 0.80], np.float32)
    arriving = irradiance(normals, at[:, 8], at[:, 9], light, skin_wrap())
    shadow = 1 - 0.45 * np.exp(-np.clip(clothes.above_neckline(at[:, 3:6]), 0, None) / 0.05)
    shine = highlight(normals, at[:, 8], light, skin.gloss) * (1 - inside[:, 0])
    key = np.array(light.key, np.float32)
    return np.asarray(albedo * arriving * shadow[:, None] + shine[:, None] * key, np.float32)


def _cloth_colour(at: Floats, light: Light, clothes: Clothes) -> Floats:
    normals = unit(at[:, :3])
    arriving = irradiance(normals, at[:, 8], np.sqrt(at[:, 9]), light, 0.12)
    return np.asarray(clothes.albedo(at[:, 3:6]) * arriving, np.float32)


def _eye_colour(at: Floats, eyes: Eyes, light: Light, gaze: tuple[float, float]) -> Floats:
    local = unit(at[:, 3:6])
    albedo, wet = eye_albedo(eyes, local, gaze)
    # The upper lid and its lashes keep the top of the eye in shade.
    lid = 1 - 0.55 * np.clip((local[:, 1] - 0.05) / 0.45, 0, 1)
    corner = 1 - 0.35 * np.clip((np.abs(local[:, 0]) - 0.35) / 0.5, 0, 1)
    shade = lid * corner
    ambient = np.clip(at[:, 9] * 0.35 + 0.5, 0, 1) * shade
    visible = np.clip(at[:, 8] * 0.5 + 0.4, 0, 1) * shade
    lit = irradiance(unit(at[:, :3]), visible, ambient, light, 0.3)
    spark = _catchlight(local, light)
    return np.asarray(albedo * lit + (0.9 * spark * (0.3 + wet))[:, None], np.float32)


def _catchlight(local: Floats, light: Light) -> Floats:
    half = np.array(light.direction, np.float32) * 0.6 + np.array([0, 0.15, 1.0], np.float32)
    half /= np.linalg.norm(half)
    return np.asarray(np.clip((local @ half - 0.985) / 0.012, 0, 1), np.float32)


def _mouth_colour(at: Floats, light: Light) -> Floats:
    ambient = np.clip(at[:, 9] * 0.6 + 0.22, 0, 0.7)
    lit = irradiance(unit(at[:, :3]), at[:, 8] * 0.4, ambient, light, 0.2)
    return np.asarray(lit * np.array([0.60, 0.55, 0.47], np.float32), np.float32)
