"""What many proposals will ask is asked once, and answered as if each had asked for itself."""

from datetime import datetime
from typing import Any

from sqlalchemy import event

from onrecord.audit.adapters.books import TransactionBooks
from onrecord.audit.core.draft import Books, Count, Counter, Draft, Foreseen, Idempotent
from onrecord.chassis.database import write_transaction
from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.vocabulary import EntryKind
from tests.builders.audit import AuditForTest, soon

_DIGEST = "0" * 64


def counter(subject: str) -> Counter:
    return Counter("US-UT", "per_case", subject, "")


def foreseen(key: str, *subjects: str) -> Foreseen:
    """Counts its subjects once each, under its key."""
    counted = tuple(counter(subject) for subject in subjects)

    def proposal(books: Books) -> Draft:
        books.idempotent(key)
        marks = (Idempotent(key, _DIGEST), Count(counted))
        used = books.used(counted)
        return Draft(EntryKind.ALARM_RAISED, {"what": "test", "used": list(used)}, marks)

    return Foreseen(key, lambda _: counted, proposal)


def test_a_transaction_asks_once_for_all_that_is_foreseen(audit: AuditForTest) -> None:
    """And hears what it would have heard: known keys, counts so far, and that others are new."""
    ledger = audit.running.ledger
    index = ledger.append(foreseen("known", "case one", "case two"), soon()).index
    asked: list[str] = []

    def hear(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement)

    with write_transaction(audit.running.engine) as connection:
        books = TransactionBooks(connection, audit.clock.now(), 0)
        event.listen(audit.running.engine, "before_cursor_execute", hear)
        try:
            books.foresee([foreseen("known", "case one", "case three"), foreseen("new")])
            assert len(asked) == 1
            found = books.idempotent("known"), books.idempotent("new")
            used = books.used([counter("case one"), counter("case three")])
            assert len(asked) == 1, "it was foreseen"
            assert books.used([counter("case two")]) == (1,)
            assert len(asked) == 2, "it was not"
        finally:
            event.remove(audit.running.engine, "before_cursor_execute", hear)
    assert found == ((_DIGEST, index), None)
    assert used == (1, 0)


def test_what_an_earlier_one_of_the_same_transaction_wrote_is_seen(audit: AuditForTest) -> None:
    """R-9: two under one key, and counts that rise, though both were asked for before."""
    with write_transaction(audit.running.engine) as connection:
        books = TransactionBooks(connection, audit.clock.now(), 0)
        twice = [foreseen("same", "case"), foreseen("same", "case")]
        books.foresee(twice)
        first = twice[0](books)
        assert isinstance(first, Draft)
        books.write_marks(first.marks, 7, "")
        assert books.idempotent("same") == (_DIGEST, 7)
        assert books.used([counter("case")]) == (1,)


def test_one_that_cannot_say_what_it_will_ask_falls_alone(audit: AuditForTest) -> None:
    """Law 1: each request of a batch stands or falls by itself."""

    def broken(_: datetime) -> Any:
        raise RuntimeError("no such quota")

    def refused(_: Books) -> Draft:
        raise RuntimeError("no such quota")

    ledger, heard = audit.running.ledger, []
    try:
        ledger.append(Foreseen("one", broken, refused), soon())
    except OnRecordError as error:
        heard.append(error)
    assert len(heard) == 1
    assert ledger.append(foreseen("two", "case"), soon()).existed is False
