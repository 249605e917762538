"""Reading `authority.yaml`: every field required, every unknown one refused."""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from onrecord.audit.core.authority import (
    Agency,
    Authority,
    LegalInstrument,
    Limits,
    Prohibition,
    Quotas,
    Retention,
    statute_key,
)
from onrecord.audit.core.emergency_reading import read_emergency
from onrecord.audit.core.strict_yaml import read_yaml
from onrecord.contracts.field_reading import Fields, read_text
from onrecord.contracts.request_parsing import parse_jurisdiction
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import (
    MAX_LIST_SIZE,
    MIN_LIST_SIZE,
    InstrumentType,
    OffenceTier,
    Purpose,
    RoleSought,
    Suspicion,
)

FORMAT = "onrecord-authority/1"
MAX_GRANT_MINUTES = 5
_MAX_TEXT = 2000
_MAX_COUNT = 10_000_000
_INSTRUMENTS = ("statute", "agreement", "none")
LEVELS = ("federal", "state", "local", "tribal")
_KIND = re.compile(r"[a-z][a-z_]{1,31}")
_AGENCY_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,62}[a-z0-9]")
_GROUP = re.compile(r"[a-z][a-z0-9_]{1,63}")

Word = TypeVar("Word", bound=StrEnum)


def read_authority(data: bytes) -> Authority:
    """The authority in the file. Raises POLICY_INVALID, saying what and where."""
    try:
        return _authority(Fields(read_yaml(data)))
    except OnRecordError as error:
        if error.code is ErrorCode.POLICY_INVALID:
            raise
        raise OnRecordError(
            ErrorCode.POLICY_INVALID,
            f"authority.yaml is refused: {error.message}",
            field=error.field,
        ) from error


def _authority(fields: Fields) -> Authority:
    if fields.text("format", 64) != FORMAT:
        raise _invalid("format", f"must be {FORMAT}")
    agencies = _agencies(fields.objects("agencies"))
    authority = Authority(
        jurisdiction=parse_jurisdiction(fields.take("jurisdiction"), "jurisdiction"),
        name=fields.text("name", 100),
        legal_review=fields.text("legal_review", 100),
        instrument=_instrument(fields.objects("instrument")),
        notice_to_drivers=fields.text("notice_to_drivers", _MAX_TEXT),
        effective=_instant(fields, "effective"),
        expires=_instant(fields, "expires"),
        prohibition=_prohibition(fields),
        agencies=agencies,
        groups=_groups(fields.objects("groups"), agencies),
        roles_sought=frozenset(_words(fields.take("roles_sought"), "roles_sought", RoleSought)),
        suspicion_minimum=_suspicion(fields.objects("suspicion_minimum")),
        instruments_required=_required(fields.objects("instruments_required")),
        statutes=_statutes(fields.take("statutes")),
        quotas=_quotas(fields.objects("quotas")),
        limits=_limits(fields.objects("limits")),
        retention=_retention(fields.objects("retention")),
        embargo_days=_count(fields, "embargo_days", 0, 3650),
        emergency=read_emergency(fields.objects("emergency")),
    )
    fields.finish()
    if authority.effective >= authority.expires:
        raise _invalid("expires", "must be later than effective")
    return authority


def _instrument(fields: Fields) -> LegalInstrument:
    instrument = LegalInstrument(
        kind=fields.text("type", 32),
        citation=fields.text("citation", 300),
        section=fields.text("section", 300, empty=True),
        legislature_voted=_flag(fields, "legislature_voted"),
        summary=fields.text("summary", _MAX_TEXT),
    )
    if instrument.kind not in _INSTRUMENTS:
        raise _invalid("instrument.type", f"must be one of: {', '.join(_INSTRUMENTS)}")
    fields.finish()
    return instrument


def _prohibition(fields: Fields) -> Prohibition | None:
    value = fields.take_nullable("prohibition")
    if value is None:
        return None
    inner = Fields(value, "prohibition")
    prohibition = Prohibition(inner.text("citation", 300), inner.text("summary", _MAX_TEXT))
    inner.finish()
    return prohibition


def _agencies(fields: Fields) -> dict[str, Agency]:
    agencies = {}
    for agency_id in fields.names():
        if not _AGENCY_ID.fullmatch(agency_id):
            raise _invalid(fields.at(agency_id), "is not the id of an agency, such as us-ut-slcpd")
        one = fields.objects(agency_id)
        agency = Agency(
            agency_id=agency_id,
            name=one.text("name", 200),
            level=one.text("level", 32),
            kind=one.text("kind", 32),
            jurisdiction=parse_jurisdiction(one.take("jurisdiction"), one.at("jurisdiction")),
        )
        if agency.level not in LEVELS:
            raise _invalid(one.at("level"), f"must be one of: {', '.join(LEVELS)}")
        if not _KIND.fullmatch(agency.kind):
            raise _invalid(one.at("kind"), "must be a word such as police")
        one.finish()
        agencies[agency_id] = agency
    return agencies


def _groups(fields: Fields, agencies: Mapping[str, Agency]) -> dict[str, tuple[str, ...]]:
    groups = {}
    for name in fields.names():
        members = fields.take(name)
        if not _GROUP.fullmatch(name) or not isinstance(members, list) or not members:
            raise _invalid(fields.at(name), "must be a word with a list of agencies")
        for member in members:
            if member not in agencies:
                raise _invalid(fields.at(name), f"names {member!r}, which is not under agencies")
        if len(set(members)) != len(members):
            raise _invalid(fields.at(name), "names an agency twice")
        groups[name] = tuple(members)
    return groups


def _suspicion(fields: Fields) -> dict[Purpose, Suspicion]:
    return {_purpose(fields, name): fields.word(name, Suspicion) for name in fields.names()}


def _required(fields: Fields) -> dict[Purpose, frozenset[InstrumentType]]:
    return {
        _purpose(fields, name): frozenset(
            _words(fields.take(name), fields.at(name), InstrumentType)
        )
        for name in fields.names()
    }


def _statutes(value: Any) -> dict[str, OffenceTier]:
    fields = Fields(value, "statutes")
    table = {}
    for statute in fields.names():
        read_text(statute, "statutes", 200)
        key = statute_key(statute)
        if key in table:
            raise _invalid(fields.at(statute), "stands twice, in two spellings")
        table[key] = fields.word(statute, OffenceTier)
    return table


def _quotas(fields: Fields) -> Quotas:
    names = (
        "per_person_per_day",
        "per_agency_per_day",
        "per_gallery_per_day",
        "per_case",
        "per_probe",
    )
    quotas = Quotas(**{name: _count(fields, name, 0, _MAX_COUNT) for name in names})
    fields.finish()
    return quotas


def _limits(fields: Fields) -> Limits:
    limits = Limits(
        list_size=_count(fields, "list_size", MIN_LIST_SIZE, MAX_LIST_SIZE),
        grant_minutes=_count(fields, "grant_minutes", 1, MAX_GRANT_MINUTES),
    )
    fields.finish()
    return limits


def _retention(fields: Fields) -> Retention:
    retention = Retention(
        no_lead_days=_count(fields, "no_lead_days", 0, 3650),
        lead_years=_count(fields, "lead_years", 1, 100),
    )
    fields.finish()
    return retention


def _instant(fields: Fields, name: str) -> datetime:
    text = fields.text(name, 40)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise _invalid(name, "must be an instant such as 2026-01-01T00:00:00-07:00") from error
    if instant.tzinfo is None:
        raise _invalid(name, "must state its zone, such as -07:00")
    return instant


def _count(fields: Fields, name: str, least: int, most: int) -> int:
    value = fields.take(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _invalid(fields.at(name), f"must be a whole number from {least} to {most}")
    return value


def _flag(fields: Fields, name: str) -> bool:
    value = fields.take(name)
    if not isinstance(value, bool):
        raise _invalid(fields.at(name), "must be true or false")
    return value


def _purpose(fields: Fields, name: str) -> Purpose:
    try:
        return Purpose(name)
    except ValueError as error:
        raise _invalid(fields.at(name), "is not a purpose") from error


def _words(value: Any, path: str, vocabulary: type[Word]) -> tuple[Word, ...]:
    try:
        if isinstance(value, list):
            return tuple(vocabulary(word) for word in value)
    except ValueError:
        pass  # refused below with the vocabulary
    known = ", ".join(word.value for word in vocabulary)
    raise _invalid(path, f"must be a list of words out of: {known}")


def _invalid(path: str, why: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.POLICY_INVALID, f"authority.yaml is refused: {path} {why}", field=path
    )
