"""R-24, R-26, R-42: a gallery changes by what its plane has signed, and the counts add up."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from onrecord.chassis.certificates import LocalAuthority
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.merkle import EMPTY_ROOT
from onrecord.proof.story_changes import ChangesSigned
from tests.builders import bodies
from tests.builders.telling import CopyingShelf, broken_by_the_last, tell

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
EMPTY, SOME = EMPTY_ROOT.hex(), "ab" * 32


class Signing:
    def __init__(self, folder: Path) -> None:
        self.authority = LocalAuthority.open(folder, now=lambda: NOW)
        self.plane = self.by(Service.VECTOR_SEARCH)

    def by(self, service: Service) -> Attestor:
        identity = self.authority.issue(service)
        return Attestor(identity.key, identity.chain)

    def law(self) -> ChangesSigned:
        return ChangesSigned(AttestationVerifier([self.authority.root]), CopyingShelf())

    def deleted(self, **fields: Any) -> dict[str, Any]:
        """One record: the statement has no rows."""
        said = {"type": statements.RECORD_DELETED, "time": bodies.at(10), "gallery": "US-UT"}
        said = {**said, **fields}
        return {
            "kind": "record.deleted",
            "time": bodies.at(10),
            "gallery": "US-UT",
            "change": said,
            "attestation": self.plane.attest(said).to_json(),
        }


@pytest.fixture
def signing(tmp_path: Path) -> Signing:
    return Signing(tmp_path)


def test_changes_are_counted_and_other_entries_are_none(signing: Signing) -> None:
    chunk = bodies.changed(signing.plane)
    deleted_chunk = {**bodies.changed(signing.plane, chunk=7), "kind": "record.deleted"}
    story = [bodies.granted(), chunk, signing.deleted(), deleted_chunk]
    assert tell(signing.law(), []) == 0
    assert tell(signing.law(), story) == 3


def test_what_is_not_checked_is_not_in_the_laws_name(signing: Signing) -> None:
    assert "signed" in signing.law().name
    by_gateway = bodies.changed(signing.by(Service.GATEWAY))
    unsigned = ChangesSigned(None, CopyingShelf())
    assert unsigned.name == "every change of a gallery is its plane's statement and stands once"
    assert tell(unsigned, [by_gateway]) == 1
    assert "vector-search" in broken_by_the_last(signing.law, [by_gateway])


def test_a_change_is_the_one_that_was_signed_and_of_the_kind_it_stands_as(
    signing: Signing,
) -> None:
    good = bodies.changed(signing.plane)
    edited = {**good, "change": {**good["change"], "accepted": 1, "unchanged": 2}}
    as_enrolled = {**signing.deleted(), "kind": "gallery.enrolled"}
    receipt = bodies.changed(signing.plane, type=statements.RECEIPT)
    for bad in (edited, as_enrolled, receipt):
        assert "not the one that was signed" in broken_by_the_last(signing.law, [good, bad])
    elsewhere = {**good, "gallery": "US-VT"}
    assert "another gallery" in broken_by_the_last(signing.law, [elsewhere])
    assert "already" in broken_by_the_last(signing.law, [good, signing.deleted(), good])


@pytest.mark.parametrize(
    "counts",
    [
        {"rows": 2, "accepted": 2, "unchanged": 0},
        {"rows": 4, "rejected": 1, "rejected_root": SOME},
        {"rows": 3, "accepted": 0, "accepted_root": EMPTY, "unchanged": 3},
    ],
)
def test_counts_that_add_up(signing: Signing, counts: dict[str, Any]) -> None:
    assert tell(signing.law(), [bodies.changed(signing.plane, **counts)]) == 1


def test_a_count_that_is_not_told_is_none(signing: Signing) -> None:
    """A deletion tells of no rows that were there already."""
    told = bodies.changed(signing.plane, rows=2)["change"]
    said = {name: told[name] for name in told if name not in ("unchanged", "rejected_root")}
    body = {
        **bodies.changed(signing.plane),
        "change": said,
        "attestation": signing.plane.attest(said).to_json(),
    }
    assert tell(signing.law(), [body]) == 1


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"rows": 2}, "add up"),
        ({"rows": 4}, "add up"),
        ({"rows": 3, "unchanged": 0}, "add up"),
        ({"accepted_root": EMPTY}, "accepted"),
        ({"rows": 1, "accepted": 0}, "accepted"),
        ({"rejected_root": SOME}, "rejected"),
        ({"rows": 4, "rejected": 1}, "rejected"),
    ],
)
def test_counts_that_do_not_agree_are_found(
    signing: Signing, counts: dict[str, Any], told: str
) -> None:
    bad = bodies.changed(signing.plane, **counts)
    assert told in broken_by_the_last(signing.law, [bodies.granted(), bad])
