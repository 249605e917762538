"""What a synthetic person is made of: the numbers behind a face, drawn at random.

The ethnic and sex targets are MakeHuman's own names for directions of its mesh. They steer the
rendering and are not written anywhere: the product never infers such traits from a face.
"""

from dataclasses import dataclass

import numpy as np

from onrecord.portraits.randomness import stream


@dataclass(frozen=True, slots=True)
class Person:
    """Traits that other parts of the drawing depend on.

    `blend` weighs the mesh's three ethnic targets (african, asian, caucasian) and sums to 1;
    `male` and `age` are 0..1 (age 0 about twenty, 1 about eighty); `muscle` and `weight` are
    0..1 about .5; `skin_tone` is 0 (lightest) .. 1 (darkest).
    """

    seed: int
    index: int
    blend: tuple[float, float, float]
    male: float
    age: float
    muscle: float
    weight: float
    skin_tone: float

    @property
    def is_male(self) -> bool:
        return self.male > 0.5

    @property
    def name(self) -> str:
        return f"p{self.index:05d}"

    def stream(self, subject: str) -> np.random.Generator:
        return stream(self.seed, self.index, subject)


def draw_person(seed: int, index: int) -> Person:
    """The person at `index` of the population `seed`; depends on nothing else."""
    rng = stream(seed, index, "person")
    blend = rng.dirichlet([0.35, 0.35, 0.35])
    male = abs(float(rng.random() < 0.5) - min(0.25, abs(rng.normal(0, 0.09))))
    tone = float(blend @ np.array([0.80, 0.34, 0.16])) + rng.normal(0, 0.09)
    return Person(
        seed=seed,
        index=index,
        blend=(float(blend[0]), float(blend[1]), float(blend[2])),
        male=male,
        age=float(rng.beta(1.2, 2.0)),
        muscle=float(np.clip(0.5 + rng.normal(0, 0.16), 0, 1)),
        weight=float(np.clip(0.53 + rng.normal(0, 0.17), 0.1, 0.95)),
        skin_tone=float(np.clip(tone, 0, 1)),
    )
