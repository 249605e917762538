"""Hair styles: where hair grows on a person, how long, which way, and in what colour."""

from dataclasses import dataclass, replace

import numpy as np

from onrecord.portraits.person import Person
from onrecord.portraits.raster import Floats

# Linear albedo of hair.
_COLOURS = {
    "black": (0.022, 0.018, 0.017), "dark brown": (0.040, 0.024, 0.015),
    "brown": (0.085, 0.050, 0.029), "light brown": (0.17, 0.105, 0.058),
    "blond": (0.38, 0.27, 0.15), "red": (0.21, 0.080, 0.035),
}  # fmt: skip
_GREY = np.array([0.42, 0.41, 0.40])


@dataclass(frozen=True, slots=True)
class Hairstyle:
    """Lengths in dm. `top` and `sides` are lengths of hair; `volume` how thick it lies; `lift` 0
    (flat) .. 1 (straight up from the scalp); `flow` which way it is combed; `parting` x of the
    parting; `curl` the radius and `pitch` the length of a curl; `clump` 0..1 how far locks close;
    `front` height of the hairline; `recess` how far the temples recede; `crown` the radius of a
    bald spot; `curtain` how far from the middle of the face hanging hair must stay; `falls`
    how soon hair gives way to gravity; `cling` 0..1 how closely it follows the head; `frizz` how
    much upright hair wanders.
    """

    kind: str
    top: float
    sides: float
    volume: float = 0.1
    lift: float = 0.3
    flow: str = "whorl"
    parting: float = 0.0
    curl: float = 0.0
    pitch: float = 0.5
    clump: float = 0.45
    front: float = 8.0
    recess: float = 0.0
    crown: float = 0.0
    curtain: float = 0.62
    falls: float = 0.0
    cling: float = 0.25
    frizz: float = 0.0
    colour: tuple[float, float, float] = (0.0, 0.0, 0.0)
    grey: float = 0.0

    def hairline(self, azimuth: Floats) -> Floats:
        """Height of the hairline of the undeformed head at an azimuth (radians, any sign)."""
        front, recess = self.front, self.recess
        knots = (
            (0.0, front), (0.28, front + 0.2 * recess), (0.52, front - 0.06 + recess),
            (0.72, 7.84 + 0.8 * recess), (0.86, 7.66 + 0.5 * recess), (0.97, 7.52 + 0.3 * recess),
            (1.05, 7.34), (1.12, 7.12), (1.24, 7.08), (1.30, 7.41), (1.62, 7.42), (1.74, 7.02),
            (1.9, 6.70), (2.3, 6.45), (3.2, 6.35),
        )  # fmt: skip
        table = np.array(knots)
        return np.asarray(np.interp(np.abs(azimuth), table[:, 0], table[:, 1]), np.float32)

    def density(self, position: Floats, azimuth: Floats, ragged: Floats) -> Floats:
        """How thickly hair grows, 0..1, at spots (3, ...) of the undeformed head; `ragged` is
        noise."""
        x, y, z = position
        above = y - self.hairline(azimuth) + np.float32(0.03) * ragged
        grown = np.clip(above / np.float32(0.13), 0, 1)
        if self.crown > 0:
            away = np.hypot(x, z - np.float32(0.15)) / self.crown
            high = np.clip((y - 7.7) / 0.3, 0, 1)
            grown = grown * np.clip(1 - high * np.clip(1.4 - away, 0, 1), 0, 1)
        return np.asarray(grown * grown * (3 - 2 * grown), np.float32)


_Menu = tuple[tuple[float, Hairstyle], ...]
BALD = Hairstyle("bald", 0.0, 0.0)
_SHORT: _Menu = (
    (0.16, Hairstyle("buzz", 0.07, 0.05, 0.02, 0.75, clump=0.0)),
    (0.22, Hairstyle("crew", 0.26, 0.10, 0.10, 0.55, clump=0.35)),
    (0.20, Hairstyle("side parting", 0.75, 0.20, 0.15, 0.35, "part", 0.28, falls=0.12)),
    (0.16, Hairstyle("swept back", 0.85, 0.24, 0.16, 0.5, "back", falls=0.05, cling=0.5)),
    (0.14, Hairstyle("short curls", 0.50, 0.22, 0.16, 0.8, curl=0.05, pitch=0.22, clump=0.8)),
    (0.12, Hairstyle("shag", 0.95, 0.60, 0.17, 0.4, "part", 0.2, falls=0.22, clump=0.6)),
)
_TIGHT: _Menu = (
    (0.45, Hairstyle("close crop", 0.09, 0.05, 0.03, 0.8, curl=0.012, pitch=0.05, clump=0.3)),
    (
        0.30,
        Hairstyle("fade", 0.26, 0.06, 0.14, 0.95, curl=0.015, pitch=0.11, clump=0.35, frizz=0.3),
    ),
    (0.25, Hairstyle("afro", 0.50, 0.44, 0.30, 1.0, curl=0.03, pitch=0.2, clump=0.3, frizz=0.45)),
)
_LONG: _Menu = (
    (0.22, Hairstyle("long", 3.0, 2.9, 0.17, 0.30, "part", 0.0, falls=0.8, clump=0.6)),
    (0.22, Hairstyle("wavy", 2.8, 2.7, 0.22, 0.35, "part", 0.2, 0.07, 0.9, 0.75, falls=0.7)),
    (0.20, Hairstyle("bob", 1.75, 1.6, 0.18, 0.30, "part", 0.22, falls=0.8, clump=0.55)),
    (0.18, Hairstyle("tied back", 2.6, 2.3, 0.05, 0.06, "tied", clump=0.4, cling=0.9)),
    (0.08, Hairstyle("pixie", 0.62, 0.40, 0.14, 0.35, "part", 0.25, falls=0.3, clump=0.55)),
    (0.10, Hairstyle("long curls", 2.2, 2.1, 0.34, 0.55, "part", 0.1, 0.11, 0.42, 0.85, falls=0.5)),
)
_LONG_TIGHT: _Menu = (
    (0.30, Hairstyle("tied back", 2.5, 2.2, 0.05, 0.06, "tied", clump=0.4, cling=0.9)),
    (
        0.28,
        Hairstyle(
            "large afro", 0.80, 0.72, 0.45, 1.0, curl=0.035, pitch=0.2, clump=0.25, frizz=0.5
        ),
    ),
    (0.20, Hairstyle("close crop", 0.12, 0.07, 0.05, 0.8, curl=0.012, pitch=0.05, clump=0.3)),
    (0.22, Hairstyle("braids", 2.4, 2.3, 0.12, 0.3, "part", 0.0, 0.02, 0.12, 0.97, falls=0.8)),
)


def draw_hairstyle(person: Person) -> Hairstyle:
    rng = person.stream("hairstyle")
    tight = rng.random() < np.clip((person.blend[0] - 0.35) * 2.2, 0, 0.95)
    menu = (_TIGHT if tight else _SHORT) if person.is_male else (_LONG_TIGHT if tight else _LONG)
    if not person.is_male and person.age > 0.55 and rng.random() < 0.5:
        menu = ((1.0, _LONG[2][1]), (1.0, _LONG[4][1]), (0.8, _SHORT[4][1]))
    if person.is_male and not tight and rng.random() < 0.06:
        menu = _LONG[:2]
    odds = np.array([share for share, _ in menu])
    style = menu[int(rng.choice(len(menu), p=odds / odds.sum()))][1]
    stretch = float(rng.uniform(0.8, 1.2))
    style = replace(
        style,
        top=style.top * stretch,
        sides=style.sides * stretch * float(rng.uniform(0.85, 1.15)),
        volume=style.volume * float(rng.uniform(0.8, 1.25)),
        parting=style.parting * float(rng.choice([-1, 1])),
        front=float(rng.normal(8.0 if person.is_male else 7.94, 0.045)),
        curl=style.curl * float(rng.uniform(0.7, 1.3)),
        curtain=float(rng.uniform(0.58, 0.68)),
        colour=_colour(person, rng),
        grey=float(1 / (1 + np.exp(-(person.age - 0.73 + rng.normal(0, 0.1)) * 13))),
    )
    return _thinned(style, person, rng) if person.is_male else style


def _thinned(style: Hairstyle, person: Person, rng: np.random.Generator) -> Hairstyle:
    """Men's hair recedes with age; some shave the rest."""
    loss = max(0.0, rng.normal(0.05 + 0.55 * person.age, 0.22))
    if loss > 0.62 and rng.random() < 0.45:
        return replace(BALD, colour=style.colour, grey=style.grey)
    if loss > 0.62:
        short = min(style.sides, 0.14)
        return replace(style, top=0.14, sides=short, volume=0.04, curl=min(style.curl, 0.02),
                       front=8.28, recess=0.25, crown=0.75, falls=0.0, flow="whorl")  # fmt: skip
    return replace(style, recess=0.28 * loss, front=style.front + 0.14 * loss,
                   crown=0.55 * loss if loss > 0.4 else 0.0)  # fmt: skip


def _colour(person: Person, rng: np.random.Generator) -> tuple[float, float, float]:
    fair = max(0.0, person.blend[2] - 0.3) * (1 - person.skin_tone)
    odds = np.array(
        [
            0.5 + 1.2 * person.skin_tone - 0.7 * fair,
            0.55,
            0.9 * fair,
            0.8 * fair,
            0.6 * fair,
            0.2 * fair,
        ]
    )
    if person.skin_tone > 0.6 or person.blend[2] < 0.4:
        odds[2:] *= 0.1
    name = list(_COLOURS)[int(rng.choice(len(odds), p=odds / odds.sum()))]
    red, green, blue = np.array(_COLOURS[name]) * rng.uniform(0.8, 1.25)
    return float(red), float(green), float(blue)


def strand_colours(style: Hairstyle, count: int, rng: np.random.Generator) -> Floats:
    """Linear colours (count, 3): pigment that varies a little, and grey strands among it."""
    base = np.array(style.colour) * np.exp(rng.normal(0, 0.10, (count, 1)))
    share = np.clip(style.grey + rng.normal(0, 0.15, (count, 1)) * min(1.0, 4 * style.grey), 0, 1)
    pale = _GREY * np.exp(rng.normal(0, 0.08, (count, 1)))
    return (base * (1 - share) + pale * share).astype(np.float32)
