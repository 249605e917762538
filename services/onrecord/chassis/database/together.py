"""Statements that go to a server in one go."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

_WHAT = "statements sent together"
_AT_IT = "onrecord sent together"


@contextmanager
def sent_together(connection: Connection) -> Iterator[None]:
    """What is written within is sent to PostgreSQL without waiting for an answer to each: one way
    there and back instead of one for every statement. On SQLite it changes nothing.

    Nothing may be read within, and no count of rows: answers come at the end. What a statement
    raises is raised there, or by a later one, as SQLAlchemy's error; the transaction is lost then,
    as it would be.
    """
    if connection.dialect.name != "postgresql" or connection.info.get(_AT_IT):
        yield  # within another that goes together, this goes with it
        return
    driver: Any = connection.connection.driver_connection
    connection.info[_AT_IT] = True
    errors = connection.dialect.loaded_dbapi.Error
    try:
        with driver.pipeline():
            yield
    except errors as error:
        raise as_database_error(connection, error, _WHAT) from error
    finally:
        if not connection.invalidated:
            connection.info.pop(_AT_IT, None)


def as_database_error(connection: Connection, error: Exception, what: str) -> DBAPIError:
    """The driver's own error as SQLAlchemy would raise it, of a statement that went past it."""
    dialect = connection.dialect
    driver: Any = connection.connection.driver_connection
    if dialect.is_disconnect(cast("Any", error), driver, None):
        connection.invalidate(error)
    return cast(
        "DBAPIError",
        DBAPIError.instance(
            what, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
        ),
    )
