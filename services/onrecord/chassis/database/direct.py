"""Statements that go to the driver as text: SQLAlchemy makes the text, once, and no more (ADR 56).

Running a statement through SQLAlchemy takes five to ten times as long as SQLite takes to answer it:
where a call has many small ones, that is most of what the call costs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import ClauseElement, Connection, Dialect
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.compiler import SQLCompiler

from onrecord.chassis.database.together import as_database_error

Values = Mapping[str, Any]
Row = tuple[Any, ...]
_EACH_LENGTH: Final = 32


class Direct:
    """One statement, with its values as named `bindparam`s. May be used from many threads.

    `listed`: the name of the one value that is a list, which the statement has with
    `expanding=True`. `columns`: what an `insert` is given, a value each. Values go to the driver
    as they are and come back so: integers, texts, bytes and None, and nothing with a type of
    SQLAlchemy's own.
    """

    def __init__(
        self, statement: ClauseElement, *, listed: str = "", columns: Sequence[str] = ()
    ) -> None:
        self._statement = statement
        self._listed = listed
        self._columns = list(columns)
        self._texts: dict[tuple[str, int], _Text] = {}

    def rows(self, tx: Connection, values: Values) -> list[Row]:
        """What it answers. Raises as SQLAlchemy does."""
        return answered(tx, self.asked(tx, values))

    def asked(self, tx: Connection, values: Values) -> DBAPICursor:
        """The question put; within `sent_together` the answer comes at the end of that."""
        text, given = self._with(tx.dialect, values)
        try:
            return cast("DBAPICursor", _driver(tx).execute(text.sql, given))
        except tx.dialect.loaded_dbapi.Error as error:
            raise as_database_error(tx, error, text.sql) from error

    def run(self, tx: Connection, values: Values) -> None:
        """For what answers nothing. Raises as SQLAlchemy does."""
        self.asked(tx, values)

    def run_each(self, tx: Connection, rows: Sequence[Values]) -> None:
        """Once for each of these; a statement without a list. Raises as SQLAlchemy does."""
        if len(rows) == 1:
            self.run(tx, rows[0])
            return
        text = self._text(tx.dialect, 0)
        try:
            cursor: DBAPICursor = _driver(tx).cursor()
            cursor.executemany(text.sql, [text.given(row) for row in rows])
        except tx.dialect.loaded_dbapi.Error as error:
            raise as_database_error(tx, error, text.sql) from error

    def _with(self, dialect: Dialect, values: Values) -> "tuple[_Text, Any]":
        if not self._listed:
            text = self._text(dialect, 0)
            return text, text.given(values)
        held: Sequence[Any] = values[self._listed]
        # Few lengths, so few texts: what is missing is filled up with what is in the list.
        length = len(held) if len(held) <= _EACH_LENGTH else 1 << (len(held) - 1).bit_length()
        text = self._text(dialect, length)
        named = {f"{self._listed}_{place}": one for place, one in enumerate(held, 1)}
        for place in range(len(held) + 1, length + 1):
            named[f"{self._listed}_{place}"] = held[0]
        return text, text.given({**values, **named})

    def _text(self, dialect: Dialect, length: int) -> "_Text":
        text = self._texts.get((dialect.name, length))
        if text is None:
            text = self._texts[dialect.name, length] = self._made(dialect, length)
        return text

    def _made(self, dialect: Dialect, length: int) -> "_Text":
        statement = self._statement
        if self._listed:
            # Only how many there are goes into the text.
            statement = statement.params({self._listed: [None] * length})
        compiled = statement.compile(
            dialect=dialect,
            column_keys=self._columns or None,
            compile_kwargs={"render_postcompile": True},
        )
        if not isinstance(compiled, SQLCompiler):
            raise TypeError("a statement that reads or writes rows")
        fixed = {
            name: bind.effective_value
            for name, bind in compiled.binds.items()
            if not bind.required and name != self._listed
        }
        places = compiled.positiontup
        return _Text(str(compiled), None if places is None else tuple(places), fixed)


@dataclass(frozen=True, slots=True)
class _Text:
    """`places`: the names of its values in their order; None where the driver goes by names."""

    sql: str
    places: tuple[str, ...] | None
    fixed: Mapping[str, Any]

    def given(self, values: Values) -> Any:
        named = {**self.fixed, **values} if self.fixed else values
        return named if self.places is None else [named[one] for one in self.places]


def answered(tx: Connection, cursor: DBAPICursor) -> list[Row]:
    """The rows of what was asked. Raises as SQLAlchemy does."""
    try:
        return cast("list[Row]", cursor.fetchall())
    except tx.dialect.loaded_dbapi.Error as error:
        raise as_database_error(tx, error, "reading an answer") from error


def _driver(tx: Connection) -> Any:
    return tx.connection.driver_connection
