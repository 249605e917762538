"""R-42, law 9: what a plane says of its gallery, to the last field."""

from typing import Any

import pytest

from onrecord.audit.core.changes import log_change, read_change
from onrecord.audit.core.draft import Draft, Existing, Remember
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof import statements
from tests.unit.audit.test_drafts_of_receipts import books, refused, signed

CHANGE: dict[str, Any] = {
    "type": statements.GALLERY_CHANGED,
    "gallery": "US-UT",
    "act": "enrol",
    **dict.fromkeys(("accepted", "unchanged", "rejected", "rows", "generation", "chunk"), 0),
}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, EntryKind.GALLERY_ENROLLED),
        ({"act": "delete"}, EntryKind.RECORD_DELETED),
        ({"type": statements.RECORD_DELETED, "act": "delete"}, EntryKind.RECORD_DELETED),
        ({"act": ...}, EntryKind.GALLERY_ENROLLED),
        ({"type": statements.RECORD_DELETED, "act": ...}, EntryKind.RECORD_DELETED),
        ({"rows": None}, EntryKind.GALLERY_ENROLLED),
        ({"rows": ...}, EntryKind.GALLERY_ENROLLED),
    ],
)
def test_a_change_is_an_entry_of_its_kind(changes: dict[str, Any], kind: EntryKind) -> None:
    """R-42, law 9."""
    said = {name: value for name, value in {**CHANGE, **changes}.items() if value is not ...}
    one = read_change(said, signed(said))
    assert one.marker == f"change:{statements.statement_sha256(one.attestation)}"
    assert log_change(one, books()) == Draft(
        kind,
        {
            "gallery": "US-UT",
            "change": said,
            "attestation": one.attestation.to_json(),
            "by": {"service": "vector-search"},
        },
        (Remember(one.marker),),
    )
    assert log_change(one, books(markers={one.marker: 9})) == Existing(9)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "other"}, "type"),
        ({"type": None}, "type"),
        ({"act": "forget"}, "type"),
        ({"act": None}, "type"),
        ({"type": statements.RECORD_DELETED, "act": "enrol"}, "type"),
        ({"gallery": 5}, "gallery"),
        ({"gallery": ["US-UT"]}, "gallery"),
        ({"gallery": "US-ZZ"}, "gallery"),
        *(
            ({name: value}, name)
            for name in ("accepted", "unchanged", "rejected", "rows", "generation", "chunk")
            for value in (-1, True, "1")
        ),
    ],
)
def test_a_change_with_a_field_of_another_kind_cannot_be_read(
    changes: dict[str, Any], field: str
) -> None:
    said = {**CHANGE, **changes}
    error = refused(lambda: read_change(said, signed(said)))
    assert (error.code, error.field) == (ErrorCode.ATTESTATION_INVALID, field)
    assert f"the change's {field} " in error.message
