"""A version after this one: the same program, another number, and a step more in each schema."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import onrecord

VERSION: Final = "0.1.1"
_HERE: Final = Path(onrecord.__file__).parent
COLUMN: Final = "of_the_next_version"


@dataclass(frozen=True, slots=True)
class Schema:
    """Of one service: where its history is declared, and the table that gets a column."""

    service: str
    declared: str
    table: str

    @property
    def steps(self) -> Path:
        return Path(self.service) / "migrations"


SCHEMAS: Final = (
    Schema("audit", "audit/adapters/schema.py", "entries"),
    Schema("gateway", "gateway/store/history.py", "searches"),
    Schema("vector_search", "vector_search/roster/schema.py", "records"),
)


def write_next_version(folder: Path) -> Path:
    """Copy this program into `folder` and make it the next; the folder to import it from.

    Each service that keeps a database gets a step that expands its schema, and needs it from then
    on: it does not start on the schema of today.
    """
    program = folder / "onrecord"
    shutil.copytree(_HERE, program, ignore=shutil.ignore_patterns("__pycache__"))
    _replaced(program / "__init__.py", r'__version__ = ".*"', f'__version__ = "{VERSION}"')
    for schema in SCHEMAS:
        newest = max(
            int(one.name[1:5]) for one in (program / schema.steps).glob("v[0-9][0-9][0-9][0-9]_*")
        )
        _replaced(program / schema.declared, r"needs=\d+", f"needs={newest + 1}")
        step = program / schema.steps / f"v{newest + 1:04d}_next.py"
        step.write_text(_step(newest + 1, schema.table), "utf-8")
    return folder


def _step(number: int, table: str) -> str:
    return f'''"""A column that the version before does not know of (expand)."""

import sqlalchemy
from alembic import op

revision = "{number:04d}"
down_revision = "{number - 1:04d}"


def upgrade() -> None:
    op.add_column("{table}", sqlalchemy.Column("{COLUMN}", sqlalchemy.Text, nullable=True))
'''


def _replaced(path: Path, pattern: str, by: str) -> None:
    text, count = re.subn(pattern, by, path.read_text("utf-8"))
    assert count == 1, f"{path}: {pattern} stands there {count} times"
    path.write_text(text, "utf-8")
