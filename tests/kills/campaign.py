"""Many kills: which, how each is done, and what is told of them."""

import itertools
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from onrecord.kernel.writepoints import WritePoint
from tests.kills.acknowledged import Acknowledged
from tests.kills.installation import opened
from tests.kills.observer import observe
from tests.kills.scenes import SCENES
from tests.kills.zygote import Fate, Kill, forked

LIVE: Mapping[str, int] = {
    "found": 0,
    "enrol": 4,
    "enrol list": 7,
    "stop": 7,
    "search": 7,
    "search badly": 7,
    "examine": 7,
    "release": 7,
    "delete": 6,
    "delete list": 5,
    "rotate": 5,
    "repair": 5,
}
"""Records that are live once a scene has been lived to its end."""


Act = Callable[[WritePoint], None]


@dataclass(frozen=True, slots=True)
class Case:
    """One kill in one scene. `returns`: whether the people come back and do it again."""

    scene: str
    kill: Kill
    returns: bool

    def __str__(self) -> str:
        after = "again" if self.returns else "never again"
        return f"{self.scene}: {self.kill.point} #{self.kill.pass_}, {after}"


@dataclass(slots=True)
class Tally:
    """What came of the cases. `escaped`: the point was not passed so often this time."""

    killed: Counter[str] = field(default_factory=Counter)
    escaped: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.killed += other.killed
        self.escaped += other.escaped
        self.failures += other.failures


class Stage:
    """The installation as it stands before each scene, and how often each passes which point."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.passes: dict[str, Mapping[str, int]] = {}

    def before(self, scene: str) -> Path:
        return self._folder / "before" / scene.replace(" ", "-")

    def set_up(self) -> None:
        """Live every scene once, whole. Raises RuntimeError where even that goes wrong."""
        here = self._folder / "whole"
        here.mkdir(parents=True)
        for scene in SCENES:
            shutil.copytree(here, self.before(scene))
            fate = forked(_living(here, scene), self._folder / f"whole-{scene}")
            if fate.lived:
                self.passes[scene] = fate.passes
                seen = self._folder / "seen"
                shutil.copytree(here, seen)
                fate = forked(_seeing(seen, scene), self._folder / f"seen-{scene}")
                shutil.rmtree(seen)
            if not fate.lived:
                raise RuntimeError(f"nobody was killed, and {scene} went wrong:\n{fate.said}")

    def cases_of_every_point(self) -> Iterator[Case]:
        """Each point once in the scene that passes it first, and whoever was there comes back or
        does not by turns. At the last of its passes there: the most has been written by then."""
        returns = itertools.cycle((True, False))
        known: set[str] = set()
        for scene, passes in self.passes.items():
            for point in sorted(passes):
                if point not in known:
                    known.add(point)
                    yield Case(scene, Kill(point, passes[point]), next(returns))

    def cases_by_chance(self, chance: random.Random) -> Iterator[Case]:
        """For ever: a scene, a point it passes, one of the times it passes it."""
        scenes = sorted(self.passes)
        while True:
            scene = chance.choice(scenes)
            point = chance.choice(sorted(self.passes[scene]))
            pass_ = chance.randint(1, self.passes[scene][point])
            yield Case(scene, Kill(point, pass_), chance.random() < 0.5)

    def run(
        self,
        cases: Sequence[Case],
        place: Path,
        told: Callable[[int, int], None] | None = None,
    ) -> Tally:
        """One after the other; the folder of a case that went wrong is left in `place`.

        `told` hears before each how many are done and how many of them went wrong.
        """
        tally = Tally()
        for number, case in enumerate(cases):
            if told is not None:
                told(number, len(tally.failures))
            folder = place / str(number)
            shutil.copytree(self.before(case.scene), folder)
            fate = forked(_living(folder, case.scene), _beside(folder, "victim"), case.kill)
            if fate.killed:
                tally.killed[case.kill.point] += 1
            elif fate.lived:
                tally.escaped[case.kill.point] += 1
            else:
                tally.failures.append(f"{case}\nit was to be killed, and failed:\n{fate.said}")
                continue
            fate = self._look(folder, case)
            if fate.lived:
                shutil.rmtree(folder)
            else:
                tally.failures.append(f"{case}\nin {folder}\n{fate.said}")
        return tally

    def _look(self, folder: Path, case: Case) -> Fate:
        if case.returns:
            return forked(_returning(folder, case.scene), _beside(folder, "observer"))
        return forked(_seeing(folder, None), _beside(folder, "observer"))


def _beside(folder: Path, who: str) -> Path:
    return folder.with_name(f"{folder.name}-{who}")


def _living(folder: Path, scene: str) -> Act:
    def act(reached: WritePoint) -> None:
        with opened(folder, reached) as here:
            SCENES[scene](here, Acknowledged(folder))

    return act


def _seeing(folder: Path, scene: str | None) -> Act:
    def act(reached: WritePoint) -> None:
        with opened(folder, reached) as here:
            here.settle()
            observe(here, None if scene is None else LIVE[scene])

    return act


def _returning(folder: Path, scene: str) -> Act:
    def act(reached: WritePoint) -> None:
        with opened(folder, reached) as here:
            SCENES[scene](here, Acknowledged(folder))
            observe(here, LIVE[scene])

    return act
