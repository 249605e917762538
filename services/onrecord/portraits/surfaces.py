"""Skin, clothes, eyes and mouth: from triangles to linear colour."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from onrecord.portraits.camera import Camera
from onrecord.portraits.clothes import Clothes
from onrecord.portraits.eyes import Eyes, eye_albedo
from onrecord.portraits.headmodel import HeadModel
from onrecord.portraits.makehuman import LEFT_EYE, RIGHT_EYE, SKIN, TEETH, TONGUE
from onrecord.portraits.raster import Floats, rasterise
from onrecord.portraits.scene import Light, Scene
from onrecord.portraits.shading import (
    SKIN_WRAP,
    along,
    highlight,
    irradiance,
    key_visibility,
    lean,
    sample_map,
    unit,
    unit_planes,
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
    for side in (LEFT_EYE, RIGHT_EYE):
        ball = vertices[model.part == side]
        local[model.part == side] = unit(ball - (ball.min(axis=0) + ball.max(axis=0)) / 2)
    attributes = np.concatenate(
        [
            vertex_normals(posed, model.triangles).T, local.T, model.texel.T,
            key_visibility(model, light_at_head)[None], model.ambient[None], model.masks.T[3:4],
        ]
    )  # fmt: skip
    at = seen.interpolate(model.triangles, np.ascontiguousarray(attributes, np.float32))
    part = model.part[model.triangles[:, 0]][seen.triangle]
    above = clothes.above_neckline(*at[_LOCAL])
    on_skin = part == SKIN
    cloth = on_skin & (above < 0)
    in_eye = (part == LEFT_EYE) | (part == RIGHT_EYE)
    light, gaze = scene.light, scene.gaze
    painters: tuple[tuple[npt.NDArray[np.bool_], Callable[[Floats], Floats]], ...] = (
        (on_skin & ~cloth, lambda spots: _skin_colour(spots, skin, light, clothes)),
        (cloth, lambda spots: _cloth_colour(spots, light, clothes)),
        (in_eye, lambda spots: _eye_colour(spots, eyes, light, gaze)),
        ((part == TEETH) | (part == TONGUE), lambda spots: _mouth_colour(spots, light)),
    )
    frame = np.zeros((camera.size[0] * camera.size[1], 3), np.float32)
    for members, paint in painters:
        index = np.flatnonzero(members)
        if len(index):
            frame[seen.pixel[index]] = paint(at.take(index, axis=1)).T
    return frame, seen.depth


# Which planes of the interpolated attributes hold what.
_NORMAL, _LOCAL, _COLUMN, _ROW = slice(0, 3), slice(3, 6), 6, 7
_VISIBLE, _AMBIENT, _INSIDE_MOUTH = 8, 9, 10


def _skin_colour(at: Floats, skin: Skin, light: Light, clothes: Clothes) -> Floats:
    colour = sample_map(skin.albedo, at[_COLUMN], at[_ROW])
    normals = lean(at[_NORMAL], sample_map(skin.slope, at[_COLUMN], at[_ROW]))
    inside = np.clip(at[_INSIDE_MOUTH], 0, 1)
    above = np.clip(clothes.above_neckline(*at[_LOCAL]), 0, 0.4)
    shadow = 1 - 0.45 * np.exp(above * np.float32(-20))
    colour *= irradiance(normals, at[_VISIBLE], at[_AMBIENT], light, SKIN_WRAP)
    colour *= shadow
    shine = highlight(normals, at[_VISIBLE], light, skin.gloss) * (1 - inside)
    for channel, absorbed in enumerate((0.55, 0.80, 0.80)):
        colour[channel] *= 1 - inside * np.float32(absorbed)
        colour[channel] += shine * np.float32(light.key[channel])
    return colour


def _cloth_colour(at: Floats, light: Light, clothes: Clothes) -> Floats:
    normals = unit_planes(at[_NORMAL])
    wrap = (0.12, 0.12, 0.12)
    arriving = irradiance(normals, at[_VISIBLE], np.sqrt(at[_AMBIENT]), light, wrap)
    return np.asarray(clothes.albedo(*at[_LOCAL]) * arriving, np.float32)


def _eye_colour(at: Floats, eyes: Eyes, light: Light, gaze: tuple[float, float]) -> Floats:
    local = unit_planes(at[_LOCAL])
    albedo, wet = eye_albedo(eyes, local, gaze)
    # The upper lid and its lashes keep the top of the eye in shade.
    lid = 1 - 0.55 * np.clip((local[1] - 0.05) / 0.45, 0, 1)
    corner = 1 - 0.35 * np.clip((np.abs(local[0]) - 0.35) / 0.5, 0, 1)
    shade = lid * corner
    ambient = np.clip(at[_AMBIENT] * 0.35 + 0.5, 0, 1) * shade
    visible = np.clip(at[_VISIBLE] * 0.5 + 0.4, 0, 1) * shade
    lit = irradiance(unit_planes(at[_NORMAL]), visible, ambient, light, (0.3, 0.3, 0.3))
    return np.asarray(albedo * lit + 0.9 * _catchlight(local, light) * (0.3 + wet), np.float32)


def _catchlight(local: Floats, light: Light) -> Floats:
    half = np.array(light.direction) * 0.6 + np.array([0, 0.15, 1.0])
    x, y, z = half / np.linalg.norm(half)
    return np.asarray(np.clip((along(local, (x, y, z)) - 0.985) / 0.012, 0, 1), np.float32)


def _mouth_colour(at: Floats, light: Light) -> Floats:
    ambient = np.clip(at[_AMBIENT] * 0.6 + 0.22, 0, 0.7)
    wrap = (0.2, 0.2, 0.2)
    lit = irradiance(unit_planes(at[_NORMAL]), at[_VISIBLE] * 0.4, ambient, light, wrap)
    return np.asarray(lit * np.array([[0.60], [0.55], [0.47]], np.float32), np.float32)
