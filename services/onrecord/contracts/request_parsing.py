"""Reading a client's request, field by field (R-7). The gateway and audit read it the same way.

Every field is required but `list_size`, `emergency` and `probe.edits`; unknown fields are
refused, and `null` is a value of `emergency` alone.
"""

import re
import unicodedata
from datetime import date, datetime

from onrecord.contracts.field_reading import Fields, invalid, read_text, unique_texts
from onrecord.contracts.requests import (
    Emergency,
    Instrument,
    Offence,
    ProbeEdit,
    ProbeProvenance,
    SearchRequest,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import (
    DEFAULT_LIST_SIZE,
    MAX_LIST_SIZE,
    MIN_LIST_SIZE,
    FederalGround,
    InstrumentType,
    OffenceTier,
    ProbeKind,
    ProbeSource,
    Purpose,
    RoleSought,
    Suspicion,
)

MAX_GALLERIES = 60
MAX_EDITS = 20
MAX_CASE_NUMBER = 64
MAX_STATUTE = 200
MAX_NARRATIVE = 4000
MAX_AUTHORITY = 500
_MAX_INSTRUMENT_TEXT = 200
_MAX_EDIT_TEXT = 200

_AGENCY = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,62})[a-z0-9]")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")

# ISO 3166-2:US, the subdivisions that issue driver licences.
_CODES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ "
    "NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI"
)
JURISDICTIONS = frozenset(f"US-{code}" for code in _CODES.split())


def parse_request(value: object) -> SearchRequest:
    """The request as values.

    Raises REQUEST_MALFORMED, FIELD_MISSING, FIELD_UNKNOWN, FIELD_INVALID, FIELD_TOO_LONG,
    JURISDICTION_UNKNOWN or LIST_SIZE_OUT_OF_RANGE, with the path of the field at fault.
    """
    fields = Fields(value)
    request = SearchRequest(
        case_number=fields.text("case_number", MAX_CASE_NUMBER),
        purpose=fields.word("purpose", Purpose),
        role_sought=fields.word("role_sought", RoleSought),
        offence=_offence(fields.objects("offence")),
        suspicion=fields.word("suspicion", Suspicion),
        federal_ground=fields.word("federal_ground", FederalGround),
        beneficiary_agency=_agency(fields),
        narrative=fields.text("narrative", MAX_NARRATIVE, lines=True),
        instrument=_instrument(fields.objects("instrument")),
        probe=_probe(fields.objects("probe")),
        galleries=_galleries(fields),
        list_size=_list_size(fields),
        emergency=_emergency(fields),
    )
    fields.finish()
    return request


def parse_instrument(value: object, path: str = "instrument") -> Instrument:
    """A legal instrument by itself. Raises FIELD_*."""
    return _instrument(Fields(value, path))


def parse_jurisdiction(value: object, path: str) -> str:
    """A jurisdiction such as `US-UT`. Raises FIELD_INVALID and JURISDICTION_UNKNOWN."""
    text = read_text(value, path, 16)
    if text not in JURISDICTIONS:
        raise OnRecordError(
            ErrorCode.JURISDICTION_UNKNOWN,
            f"{path} must be a state by its ISO 3166-2 code, such as US-UT",
            field=path,
        )
    return text


def _emergency(fields: Fields) -> Emergency | None:
    value = fields.take_nullable("emergency")
    if value is None:
        return None
    inner = Fields(value, "emergency")
    emergency = Emergency(inner.text("facts", MAX_NARRATIVE, lines=True))
    inner.finish()
    return emergency


def _offence(fields: Fields) -> Offence:
    tier = fields.word("tier", OffenceTier)
    # Missing, deceased and unidentified people are sought without an offence.
    statute = fields.text("statute", MAX_STATUTE, empty=tier is OffenceTier.NONE)
    if not all(_is_latin(one) for one in unicodedata.normalize("NFKD", statute)):
        # One letter that only looks Latin, and a state's table would not know the statute.
        raise invalid(fields.at("statute"), "must be written in Latin letters and plain digits")
    fields.finish()
    return Offence(statute, tier)


def _is_latin(character: str) -> bool:
    return character.isascii() or unicodedata.category(character)[0] not in "LN"


def _agency(fields: Fields) -> str:
    text = fields.text("beneficiary_agency", 64)
    if not _AGENCY.fullmatch(text):
        raise invalid("beneficiary_agency", "must be the id of an agency, such as us-ut-slcpd")
    return text


def _instrument(fields: Fields) -> Instrument:
    kind = fields.word("type", InstrumentType)
    if kind is InstrumentType.NONE:
        fields.finish()
        return Instrument(kind)
    issuer = fields.text("issuer", _MAX_INSTRUMENT_TEXT)
    number = fields.text("number", _MAX_INSTRUMENT_TEXT)
    issued = fields.text("date", 10)
    try:
        if len(issued) != 10:
            raise ValueError
        date.fromisoformat(issued)
    except ValueError as error:
        raise invalid(fields.at("date"), "must be a date such as 2026-11-02") from error
    fields.finish()
    return Instrument(kind, issuer, number, issued)


def _probe(fields: Fields) -> ProbeProvenance:
    probe = ProbeProvenance(
        kind=fields.word("kind", ProbeKind),
        source=fields.word("source", ProbeSource),
        authority=fields.text("authority", MAX_AUTHORITY),
        captured_at=_instant(fields, "captured_at"),
        edits=_edits(fields) if fields.has("edits") else (),
    )
    fields.finish()
    return probe


def _instant(fields: Fields, name: str) -> datetime:
    text = fields.text(name, 40)
    try:
        if _INSTANT.fullmatch(text) is None:
            raise ValueError
        return datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise invalid(
            fields.at(name), "must be an instant with its zone, such as 2026-11-02T21:14:00Z"
        ) from error


def _edits(fields: Fields) -> tuple[ProbeEdit, ...]:
    path = fields.at("edits")
    values = fields.take("edits")
    if not isinstance(values, list) or len(values) > MAX_EDITS:
        raise invalid(path, f"must be a list of at most {MAX_EDITS} edits")
    edits = []
    for number, value in enumerate(values):
        one = Fields(value, f"{path}[{number}]")
        digest = one.text("original_sha256", 64)
        if not _SHA256.fullmatch(digest):
            raise invalid(one.at("original_sha256"), "must be 64 hexadecimal digits, lower case")
        edits.append(
            ProbeEdit(one.text("what", _MAX_EDIT_TEXT), one.text("tool", _MAX_EDIT_TEXT), digest)
        )
        one.finish()
    return tuple(edits)


def _galleries(fields: Fields) -> tuple[str, ...]:
    values = fields.take("galleries")
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_GALLERIES:
        raise invalid("galleries", f"must be a list of 1 to {MAX_GALLERIES} states")
    galleries = tuple(
        parse_jurisdiction(value, f"galleries[{number}]") for number, value in enumerate(values)
    )
    unique_texts(galleries, "galleries")
    return galleries


def _list_size(fields: Fields) -> int:
    if not fields.has("list_size"):
        return DEFAULT_LIST_SIZE
    value = fields.take("list_size")
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid("list_size", "must be a whole number")
    if not MIN_LIST_SIZE <= value <= MAX_LIST_SIZE:
        raise OnRecordError(
            ErrorCode.LIST_SIZE_OUT_OF_RANGE,
            f"list_size must be from {MIN_LIST_SIZE} to {MAX_LIST_SIZE}",
            field="list_size",
        )
    return value
