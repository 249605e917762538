"""A person's geometry: MakeHuman's targets weighed at random."""

import re
from collections.abc import Iterator

import numpy as np

from onrecord.portraits.headmodel import HeadModel
from onrecord.portraits.makehuman import LEFT_EYE, RIGHT_EYE
from onrecord.portraits.person import Person
from onrecord.portraits.raster import Floats

# How far faces differ: 1 is near caricature, .65 natural.
GEOMETRY = 0.66
_LIMIT = 1.0
_PAIRS = (
    ("decr", "incr"), ("down", "up"), ("in", "out"), ("backward", "forward"),
    ("compress", "uncompress"), ("concave", "convex"),
)  # fmt: skip
# Moves of the whole head, and what the age and weight targets already do.
_SKIPPED = re.compile(r"head/head-(trans|age|angle|fat)|neck/neck-trans|mouth/mouth-trans-(in|out)")
# Where a full-strength target leaves what passes for a face sooner than elsewhere.
_QUIETER = (
    (re.compile(r"head/|neck/|ears/"), 0.4),
    (re.compile(r"eyebrows/eyebrows-angle"), 0.3),
    (re.compile(r"forehead/|eyes/.-eye-scale|eyes/.-eye-trans"), 0.55),
    (
        re.compile(
            r"nose/nose-(trans|scale|volume)|mouth/mouth-trans|mouth/mouth-angles|nose/nose-septum"
        ),
        0.6,
    ),
    (re.compile(r"chin/chin-(jaw-drop|prognathism)|eyes/.-eye-corner"), 0.7),
)
_SINE_FIELDS = 10
_SINE_AMPLITUDE = 0.008  # dm


def draw_shape(model: HeadModel, person: Person) -> Floats:
    """Vertices (V, 3) of the person's neutral face; the mesh's base is left alone."""
    vertices = model.base.copy()
    rng = person.stream("shape")
    for name, weight in _macro_weights(person):
        _add(vertices, model, name, weight)
    for name, weight in _sliders(model, rng):
        _add(vertices, model, name, weight)
    for name in sorted(n for n in model.targets if n.startswith("asym/")):
        _add(vertices, model, name, min(0.6, max(0.0, rng.normal(-0.05, 0.26))))
    _ripple(vertices, rng)
    # People differ in height; photographers move the camera.
    eyes = (model.part == LEFT_EYE) | (model.part == RIGHT_EYE)
    vertices += model.base[eyes].mean(axis=0) - vertices[eyes].mean(axis=0)
    _settle_crown(vertices)
    return vertices


def _settle_crown(vertices: Floats) -> None:
    """Bring the height of the skull above the brows into what people have (in place)."""
    brow = np.float32(7.45)
    height = float(vertices[:, 1].max() - brow)
    wanted = float(np.clip(1.0 + 0.45 * (height - 1.05), 0.92, 1.09))
    above = np.clip(vertices[:, 1] - brow, 0, None)
    vertices[:, 1] += above * np.float32(wanted / height - 1)


def _add(vertices: Floats, model: HeadModel, name: str, weight: float) -> None:
    if abs(weight) > 1e-3 and name in model.targets:
        index, delta = model.targets[name]
        vertices[index] += delta * np.float32(weight)


def _macro_weights(person: Person) -> Iterator[tuple[str, float]]:
    old = 0.85 * person.age
    sexes = (("male", person.male), ("female", 1 - person.male))
    ages = (("old", old), ("young", 1 - old))
    for ethnic, share in zip(("african", "asian", "caucasian"), person.blend, strict=True):
        for sex, sex_share in sexes:
            for age, age_share in ages:
                yield f"macro/{ethnic}-{sex}-{age}", share * sex_share * age_share
    for sex, sex_share in sexes:
        for age, age_share in ages:
            for muscle, muscle_share in _about_average(person.muscle, "muscle"):
                for weight, weight_share in _about_average(person.weight, "weight"):
                    name = f"macro/universal-{sex}-{age}-{muscle}-{weight}"
                    yield name, sex_share * age_share * muscle_share * weight_share


def _about_average(value: float, noun: str) -> list[tuple[str, float]]:
    away = 2 * abs(value - 0.5)
    extreme = "max" if value > 0.5 else "min"
    return [(f"average{noun}", 1 - away), (f"{extreme}{noun}", away)]


def _sliders(model: HeadModel, rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Signed sliders made of opposite targets; left and right move together, nearly."""
    tied: dict[str, float] = {}
    for name in sorted(model.targets):
        folder = name.partition("/")[0]
        if folder in ("macro", "asym", "unit") or _SKIPPED.match(name):
            continue
        pair = next((p for p in _PAIRS if name.endswith(f"-{p[1]}")), None)
        if pair is None and any(name.endswith(f"-{low}") for low, _ in _PAIRS):
            continue  # the other end of a slider
        key = re.sub(r"/[lr]-", "/", name)
        strength = GEOMETRY * next((f for pattern, f in _QUIETER if pattern.match(name)), 1.0)
        if key not in tied:
            drawn = rng.normal(0, 0.42 * strength)
            if pair is None:
                drawn = abs(rng.normal(0, 0.35 * strength)) if rng.random() < 0.4 else 0.0
            tied[key] = float(np.clip(drawn, -_LIMIT, _LIMIT))
        weight = tied[key] * (1 + 0.1 * rng.normal() if key != name else 1)
        if pair is None or weight >= 0:
            yield name, weight
        else:
            yield name.removesuffix(pair[1]) + pair[0], -weight


def _ripple(vertices: Floats, rng: np.random.Generator) -> None:
    """Smooth small bumps that no target describes."""
    for _ in range(_SINE_FIELDS):
        wave = rng.normal(0, 3.2, 3).astype(np.float32)
        push = (rng.normal(0, 1, 3) * _SINE_AMPLITUDE * GEOMETRY).astype(np.float32)
        phase = np.float32(rng.uniform(0, 2 * np.pi))
        vertices += np.sin(vertices @ wave + phase)[:, None] * push
