"""R-24 on long ledgers: what laws must remember may lie on disk, and nothing is forgotten."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_tests.ledger_story import START, bodies
from onrecord.chassis.certificates import LocalAuthority
from onrecord.cli.ledger_shelves import DiskShelves
from onrecord.kernel.vocabulary import Service
from onrecord.proof import canonical
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.checks import LedgerFault
from onrecord.proof.shelf import MemoryShelf, Shelves
from onrecord.proof.story import story_checks

Body = dict[str, Any]
_OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["get", "put", "drop", "change"]),
        st.integers(0, 12).map(str),
        st.integers(0, 99),
    ),
    max_size=120,
)


@given(_OPERATIONS, st.integers(2, 6))
def test_a_shelf_on_disk_is_as_one_in_memory(
    operations: list[tuple[str, str, int]], held: int
) -> None:
    plain = MemoryShelf()
    with DiskShelves(held) as shelves:
        shelf, other = shelves(), shelves()
        for what, key, number in operations:
            if what == "put":
                plain.put(key, [number])
                shelf.put(key, [number])
            elif what == "change":
                for one in (plain, shelf):
                    one.put(key, [*(one.get(key) or []), number])
            elif what == "drop":
                plain.drop(key)
                shelf.drop(key)
            assert shelf.get(key) == plain.get(key)
            assert other.get(key) is None
        for number in range(13):
            assert shelf.get(str(number)) == plain.get(str(number))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    folder = tmp_path_factory.mktemp("authority")
    return LocalAuthority.open(folder, now=lambda: START)


@pytest.fixture(scope="module")
def story(authority: LocalAuthority) -> list[Body]:
    plane = authority.issue(Service.VECTOR_SEARCH)
    made = [canonical.decode(one) for one in bodies(9000, Attestor(plane.key, plane.chain))]
    return [one for one in made if isinstance(one, dict)]


def _tell(story: list[Body], authority: LocalAuthority, shelves: Shelves) -> dict[str, int]:
    laws = [make() for make in story_checks(AttestationVerifier([authority.root]), shelves)]
    for index, body in enumerate(story):
        for law in laws:
            law.see(index, body)
    return {law.name: law.passed for law in laws}


def test_an_honest_ledger_is_told_alike_from_disk(
    story: list[Body], authority: LocalAuthority
) -> None:
    with DiskShelves(16) as shelves:
        from_disk = _tell(story, authority, shelves)
    assert from_disk == _tell(story, authority, MemoryShelf)
    assert sum(from_disk.values()) > len(story)


def _first(story: list[Body], kind: str) -> Body:
    return next(one for one in story if one["kind"] == kind)


def _granted_again(story: list[Body]) -> Body:
    return _first(story, "request.granted")


def _ended_again(story: list[Body]) -> Body:
    return {**_first(story, "search.executed"), "kind": "search.expired"}


def _closed_again(story: list[Body]) -> Body:
    return _first(story, "search.closed")


def _looked_by_a_third(story: list[Body]) -> Body:
    look = _first(story, "look.granted")
    return {**look, "by": {**look["by"], "person": "three"}}


@pytest.mark.parametrize(
    ("late", "why"),
    [
        (_granted_again, "is granted twice"),
        (_ended_again, "ended before"),
        (_closed_again, "had an outcome before"),
        (_looked_by_a_third, "a third person"),
    ],
)
def test_what_was_long_ago_is_not_forgotten(
    story: list[Body],
    authority: LocalAuthority,
    late: Callable[[list[Body]], Body],
    why: str,
) -> None:
    """Each breaks a law against an entry that was written out to disk thousands of entries ago."""
    with DiskShelves(16) as shelves, pytest.raises(LedgerFault, match=why) as fault:
        _tell([*story, late(story)], authority, shelves)
    assert fault.value.index == len(story)


def test_the_file_has_no_name_that_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with DiskShelves(2) as shelves:
        shelf = shelves()
        for number in range(50):
            shelf.put(str(number), {"at": datetime(2026, 1, 1, tzinfo=UTC).isoformat()})
        assert list(tmp_path.iterdir()) == []
        assert shelf.get("0") is not None
