"""Reading bodies with a hard bound: no more of an upload is ever held than may be accepted."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from onrecord.gateway.core.documents import read_object
from onrecord.gateway.limits import Limits
from onrecord.kernel.errors import ErrorCode, OnRecordError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


@dataclass(frozen=True, slots=True)
class PartRule:
    """A part that must be there once, its most bytes, and the code for one that has more."""

    name: str
    limit: int
    too_large: ErrorCode


def image_rule(name: str, limits: Limits) -> PartRule:
    return PartRule(name, limits.image_bytes, ErrorCode.IMAGE_TOO_LARGE)


async def read_document(
    request: Request, limits: Limits, most: int | None = None
) -> dict[str, object]:
    """The body as a JSON object of at most `most` bytes, or of a document's.

    Raises REQUEST_MALFORMED, FIELD_TOO_LONG, UPLOAD_INCOMPLETE.
    """
    return read_object(await read_body(request, limits, most or limits.document_bytes), "body")


async def read_body(request: Request, limits: Limits, most: int) -> bytes:
    """The body as it is. Raises FIELD_TOO_LONG, UPLOAD_INCOMPLETE."""
    held = bytearray()

    def take(chunk: bytes) -> None:
        if len(held) + len(chunk) > most:
            raise OnRecordError(
                ErrorCode.FIELD_TOO_LONG,
                f"the body has more than {most} bytes",
                field="body",
                details={"limit": most},
            )
        held.extend(chunk)

    await _consume(request, limits, take)
    return bytes(held)


async def read_parts(
    request: Request, rules: Sequence[PartRule], limits: Limits
) -> dict[str, bytes]:
    """The parts of a `multipart/form-data` body, by name: those of `rules`, each exactly once.

    Raises REQUEST_MALFORMED, FIELD_MISSING, FIELD_UNKNOWN, FIELD_INVALID, a rule's own code, and
    UPLOAD_INCOMPLETE where the body ends before its closing boundary.
    """
    by_name = {rule.name: rule for rule in rules}
    return await _read(request, limits, _Collector(by_name.get, tuple(by_name)))


async def read_named_parts(
    request: Request, rule_of: "RuleOf", most: "PartRule", limits: Limits
) -> dict[str, bytes]:
    """The parts of a body whose names are not known before: each has the rule `rule_of` gives it.

    `most` bounds all of them together. Raises as `read_parts`, FIELD_UNKNOWN for a name without a
    rule, and `most`'s own code.
    """
    return await _read(request, limits, _Collector(rule_of, (), most))


RuleOf = Callable[[str], PartRule | None]


async def _read(request: Request, limits: Limits, collector: "_Collector") -> dict[str, bytes]:
    parser = MultipartParser(_boundary(request), collector.callbacks())
    try:
        await _consume(request, limits, parser.write)
    except FormParserError as error:
        raise OnRecordError(
            ErrorCode.REQUEST_MALFORMED, "the body is not well-formed multipart/form-data"
        ) from error
    return collector.parts()


class _Collector:
    """Takes what the parser reports. Stops at the first thing that may not be."""

    def __init__(
        self, rule_of: RuleOf, required: Sequence[str], most: PartRule | None = None
    ) -> None:
        self._rule_of = rule_of
        self._required = required
        self._most = most
        self._held = 0
        self._rules: dict[str, PartRule] = {}
        self._parts: dict[str, bytearray] = {}
        self._current: str | None = None
        self._header = bytearray()
        self._value = bytearray()
        self._disposition = b""
        self._ended = False

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._add_header,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._name_part,
            "on_part_data": self._add_data,
            "on_end": self._end,
        }

    def parts(self) -> dict[str, bytes]:
        if not self._ended:
            raise OnRecordError(
                ErrorCode.UPLOAD_INCOMPLETE, "the upload ends before its closing boundary"
            )
        for name in self._required:
            if name not in self._parts:
                raise OnRecordError(
                    ErrorCode.FIELD_MISSING, f"the part {name} is missing", field=name
                )
        return {name: bytes(data) for name, data in self._parts.items()}

    def _begin(self) -> None:
        self._disposition = b""
        self._current = None

    def _add_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _name_part(self) -> None:
        kind, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if kind != b"form-data" or not name:
            raise OnRecordError(ErrorCode.REQUEST_MALFORMED, "a part of the body has no name")
        rule = self._rule_of(name)
        if rule is None:
            raise OnRecordError(
                ErrorCode.FIELD_UNKNOWN, f"{name[:80]!r} is not a part here", field=name[:80]
            )
        if name in self._parts:
            raise OnRecordError(
                ErrorCode.FIELD_INVALID, f"the part {name} stands twice", field=name
            )
        self._rules[name] = rule
        self._parts[name] = bytearray()
        self._current = name

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._current is None:
            raise OnRecordError(ErrorCode.REQUEST_MALFORMED, "a part of the body has no headers")
        rule = self._rules[self._current]
        held = self._parts[self._current]
        self._held += end - start
        if len(held) + end - start > rule.limit:
            raise _too_large(rule)
        if self._most is not None and self._held > self._most.limit:
            raise _too_large(self._most)
        held += data[start:end]

    def _end(self) -> None:
        self._ended = True


def _too_large(rule: PartRule) -> OnRecordError:
    return OnRecordError(
        rule.too_large,
        f"{rule.name} has more than {rule.limit} bytes",
        field=rule.name,
        details={"limit": rule.limit},
    )


async def _consume(request: Request, limits: Limits, take: Callable[[bytes], object]) -> None:
    """Hand the body to `take`, chunk by chunk, as long as the client needs and may."""
    try:
        async with asyncio.timeout(limits.upload_seconds):
            async for chunk in request.stream():
                take(chunk)
    except ClientDisconnect as error:
        raise OnRecordError(ErrorCode.UPLOAD_INCOMPLETE, "the upload was cut off") from error
    except TimeoutError as error:
        raise OnRecordError(
            ErrorCode.UPLOAD_INCOMPLETE,
            f"the upload took longer than {limits.upload_seconds:.0f} seconds",
        ) from error


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 70:
        raise OnRecordError(
            ErrorCode.REQUEST_MALFORMED, "send multipart/form-data with a boundary of 1 to 70"
        )
    return bytes(boundary)
