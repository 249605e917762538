"""What can be mutated: the subjects of `subjects.toml`."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Subject:
    """Modules to mutate, and the tests that must notice."""

    name: str
    sources: tuple[str, ...]
    """Globs below `services/onrecord`."""
    tests: tuple[str, ...]
    leave_out: tuple[str, ...]
    """Tests among those that are too slow, or that start other processes."""

    @property
    def workspace(self) -> Path:
        """The copy in which mutants are made and run."""
        return ROOT / ".cache" / "mutants" / self.name

    @property
    def modules(self) -> list[str]:
        """The modules that are mutated, as paths below `services/onrecord`."""
        package = ROOT / "services" / "onrecord"
        found = {path for glob in self.sources for path in package.glob(glob + ".py")}
        return sorted(
            path.relative_to(package).as_posix() for path in found if path.suffix == ".py"
        )

    @property
    def explained(self) -> Path:
        """The survivors that people explained."""
        return HERE / "explained" / f"{self.name}.toml"

    @property
    def counts(self) -> Path:
        """What the last run found, by module."""
        return HERE / "counts" / f"{self.name}.toml"


def subjects() -> dict[str, Subject]:
    """All subjects by name."""
    told = tomllib.loads((HERE / "subjects.toml").read_text("utf-8"))
    return {
        name: Subject(
            name,
            tuple(one["sources"]),
            tuple(one["tests"]),
            tuple(one.get("leave_out", ())),
        )
        for name, one in told.items()
    }
