"""What `chassis.database.Direct` promises on every database."""

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from onrecord.chassis.database import (
    Direct,
    answered,
    read_transaction,
    sent_together,
    write_transaction,
)

_THINGS = Table(
    "things",
    MetaData(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text),
    Column("held", LargeBinary),
    prefixes=["TEMPORARY"],
)
_ADD = Direct(insert(_THINGS), columns=_THINGS.c.keys())
_BY_NUMBER = select(_THINGS).where(_THINGS.c.number.in_(bindparam("numbers", expanding=True)))
_THESE = Direct(_BY_NUMBER.order_by(_THINGS.c.number), listed="numbers")
_FIRST = Direct(
    select(_THINGS.c.number).order_by(_THINGS.c.number).limit(bindparam("limit")).offset(1)
)
_RENAME = Direct(
    update(_THINGS).where(_THINGS.c.number == bindparam("which")).values(name=bindparam("to"))
)


def make(engine: Engine) -> None:
    """The table, which ends with its connection: the engine's first, and only one at a time."""
    with write_transaction(engine) as tx:
        _THINGS.create(tx)


def _thing(number: int) -> dict[str, object]:
    return {"number": number, "name": None if number % 2 else f"n'{number}%", "held": bytes([7, 0])}


class DirectSuite:
    """A subclass gives the fixture `engine`, which has the table."""

    @pytest.mark.parametrize("asked", [0, 1, 2, 31, 32, 33, 40, 64, 65, 200])
    def test_a_list_of_any_length_finds_each_once(self, engine: Engine, asked: int) -> None:
        with write_transaction(engine) as tx:
            _ADD.run_each(tx, [_thing(number) for number in range(100)])
        with read_transaction(engine) as tx:
            found = _THESE.rows(tx, {"numbers": list(range(asked))})
        expected = [tuple(_thing(number).values()) for number in range(min(asked, 100))]
        assert [tuple(row) for row in found] == expected

    def test_values_and_constants_stand_in_their_places(self, engine: Engine) -> None:
        with write_transaction(engine) as tx:
            _ADD.run(tx, _thing(5))
            _ADD.run_each(tx, [_thing(3), _thing(4)])
            _RENAME.run_each(tx, [{"which": 4, "to": "four"}, {"which": 5, "to": "five"}])
        with read_transaction(engine) as tx:
            assert [row[0] for row in _FIRST.rows(tx, {"limit": 1})] == [4]
            (row,) = _THESE.rows(tx, {"numbers": [5]})
        assert (row[1], row[2]) == ("five", bytes([7, 0]))

    @pytest.mark.parametrize("together", [False, True])
    @pytest.mark.parametrize("many", [False, True])
    def test_a_row_that_does_not_fit_is_told_as_sqlalchemy_tells_it(
        self, engine: Engine, together: bool, many: bool
    ) -> None:
        """R-25: the transaction is gone whole, and no value stands in the message (R-43)."""
        with write_transaction(engine) as tx:
            _ADD.run(tx, _thing(2))
        rows = [_thing(1), _thing(2)] if many else [_thing(2)]
        with pytest.raises(IntegrityError) as refused, write_transaction(engine) as tx:
            if together:
                with sent_together(tx):
                    _ADD.run_each(tx, rows)
            else:
                _ADD.run_each(tx, rows)
        assert "n'2%" not in str(refused.value).split("[SQL", 1)[-1]
        with read_transaction(engine) as tx:
            assert [row[0] for row in _THESE.rows(tx, {"numbers": [1, 2, 3]})] == [2]

    def test_questions_sent_together_are_answered_after(self, engine: Engine) -> None:
        with write_transaction(engine) as tx:
            _ADD.run_each(tx, [_thing(1), _thing(2)])
        with read_transaction(engine) as tx:
            with sent_together(tx):
                asked = [_THESE.asked(tx, {"numbers": [one]}) for one in (2, 1, 3)]
            found = [[row[0] for row in answered(tx, one)] for one in asked]
        assert found == [[2], [1], []]
