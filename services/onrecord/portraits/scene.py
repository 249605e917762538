"""How a picture is taken: where the head looks, where the light stands, what the camera does."""

from dataclasses import dataclass

import numpy as np

from onrecord.portraits.person import Person

# The probe's hardness; what recognition rates in load_tests/portraits_accuracy.py were taken at.
PROBE_YAW = 0.18  # radians, standard deviation
PROBE_PITCH = 0.43 * PROBE_YAW
PROBE_ROLL = 0.35 * PROBE_YAW


@dataclass(frozen=True, slots=True)
class Light:
    """A key light from a unit direction over an even sky; colours are linear RGB."""

    direction: tuple[float, float, float]
    key: tuple[float, float, float]
    ambient: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture. Angles in radians, `scale` in pixels per dm at 450 pixels of height.

    `centre` is where the eyes' midpoint lies, as shares of width and height; `distance` the
    camera's in dm; `units` weighs the mesh's expression targets; `blur` a sigma in pixels;
    `noise` a standard deviation of 255; `quality` JPEG's.
    """

    yaw: float
    pitch: float
    roll: float
    scale: float
    centre: tuple[float, float]
    distance: float
    light: Light
    units: dict[str, float]
    gaze: tuple[float, float]
    glasses: bool
    indoors: bool
    blur: float
    noise: float
    quality: int


def licence_scene(person: Person) -> Scene:
    """The counter of a licensing office: frontal, even light, plain background."""
    rng = person.stream("licence scene")
    yaw, pitch, roll = (float(a) for a in rng.normal(0, [0.03, 0.025, 0.02]))
    return Scene(
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        scale=float(rng.normal(118, 4)),
        centre=(float(rng.normal(0.5, 0.012)), float(rng.normal(0.455, 0.01))),
        distance=float(rng.uniform(14, 20)),
        light=_light(rng.normal(0.1, 0.3), rng.normal(0.45, 0.1), 0.92, 0.86, (1.0, 0.99, 0.97)),
        units=_expression(rng, 0.5),
        gaze=(float(rng.normal(0, 0.02)), float(rng.normal(0, 0.02))),
        glasses=False,
        indoors=False,
        blur=0.0,
        noise=float(rng.uniform(0.6, 1.4)),
        quality=92,
    )


def probe_scene(person: Person, k: int) -> Scene:
    """An investigator's photo: the same person elsewhere, turned a little, lit by chance."""
    rng = person.stream(f"probe scene {k}")
    yaw, pitch, roll = (
        float(np.clip(a, -2.2 * s, 2.2 * s))
        for a, s in zip(
            rng.normal(0, [PROBE_YAW, PROBE_PITCH, PROBE_ROLL]),
            (PROBE_YAW, PROBE_PITCH, PROBE_ROLL),
            strict=True,
        )
    )
    key = rng.uniform(0.35, 1.0)
    warm = rng.normal(0, 0.08)
    tint = (1 + warm, 1.0, 1 - 1.2 * warm)
    scale = rng.uniform(95, 150)
    return Scene(
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        scale=float(scale),
        centre=(float(rng.normal(0.5, 0.03)), float(0.46 + rng.normal(0, 0.02))),
        distance=float(rng.uniform(8, 18)),
        light=_light(rng.uniform(-1.2, 1.2), rng.uniform(0.0, 1.0), key, 1.28 - 0.6 * key, tint),
        units=_expression(rng, 1.0),
        gaze=(yaw * -0.7 + float(rng.normal(0, 0.05)), float(rng.normal(0, 0.04))),
        glasses=bool(rng.random() < 0.6),
        indoors=True,
        blur=float(rng.uniform(0.3, 1.1)),
        noise=float(rng.uniform(1, 4)),
        quality=int(rng.integers(45, 88)),
    )


def _light(
    azimuth: float, elevation: float, key: float, ambient: float, tint: tuple[float, float, float]
) -> Light:
    level = np.cos(elevation)
    return Light(
        (float(np.sin(azimuth) * level), float(np.sin(elevation)), float(np.cos(azimuth) * level)),
        (key * tint[0], key * tint[1], key * tint[2]),
        (ambient * (2 - tint[0]) ** 0.5, ambient, ambient * (2 - tint[2]) ** 0.5),
    )


_TIED_UNITS = (
    ("mouthSmile", 0.38, 0.28), ("mouthDimple", 0.0, 0.15), ("mouthFrown", -0.2, 0.10),
    ("mouthPress", 0.05, 0.15), ("mouthStretch", -0.1, 0.12), ("eyeSquint", -0.05, 0.15),
    ("eyeWide", 0.10, 0.12), ("eyeBlink", -0.02, 0.04), ("cheekSquint", 0.0, 0.2),
    ("browOuterUp", 0.0, 0.15), ("browDown", -0.3, 0.15), ("mouthUpperUp", -0.1, 0.12),
    ("mouthLowerDown", -0.1, 0.15), ("noseSneer", -0.2, 0.12),
)  # fmt: skip
_SINGLE_UNITS = (
    ("browInnerUp", -0.1, 0.15), ("jawOpen", -0.05, 0.10), ("mouthPucker", -0.2, 0.15),
    ("mouthRollLower", -0.1, 0.15), ("mouthShrugLower", -0.1, 0.15), ("jawForward", -0.1, 0.1),
)  # fmt: skip


def _expression(rng: np.random.Generator, strength: float) -> dict[str, float]:
    """Weights of the mesh's expression units: mild, mostly friendly, both sides nearly alike."""
    units: dict[str, float] = {}
    for name, mean, spread in _TIED_UNITS:
        drawn = max(0.0, rng.normal(mean, spread)) * strength
        for side in ("Left", "Right"):
            units[f"unit/{name}{side}"] = float(drawn * (1 + 0.12 * rng.normal()))
    for name, mean, spread in _SINGLE_UNITS:
        units[f"unit/{name}"] = float(max(0.0, rng.normal(mean, spread)) * strength)
    return units
