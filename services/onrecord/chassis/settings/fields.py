"""A setting, documented where it stands."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_args

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

MASK = "********"


class Names(StrEnum):
    """What a setting names outside the settings, and what is asked of it."""

    FILE = "a file that is read"
    FOLDER = "a folder that is read"
    STORE = "a folder that is written, made where it is missing"
    DATABASE = "a database, by URL"
    INDEX = "a server, by URL, or a file that is made where it is missing"


def setting(
    default: Any = ..., *, says: str, unit: str = "", names: Names | None = None, **bounds: Any
) -> Any:
    """A field of a settings class: its default (none: it must be given), its unit, its meaning;
    and what it `names`, which `onrecord config check` looks for.
    """
    extra: dict[str, Any] = {"unit": unit, "names": names.name if names else ""}
    return Field(default, description=says, json_schema_extra=extra, **bounds)


@dataclass(frozen=True, slots=True)
class Documented:
    """One setting as a person reads about it. `default` is None where it must be given."""

    name: str
    variable: str
    kind: str
    unit: str
    default: str | None
    says: str


def documented(kind: type[BaseSettings]) -> Iterator[Documented]:
    """Every setting of a service, in the order of its fields."""
    prefix = str(kind.model_config.get("env_prefix", ""))
    for name, field in kind.model_fields.items():
        yield Documented(
            name=name,
            variable=f"{prefix}{name.upper()}",
            kind=_kind(field),
            unit=unit_of(field),
            default=None if field.is_required() else shown(field.get_default(), whole=True),
            says=field.description or "",
        )


def unit_of(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def named_by(field: FieldInfo) -> Names | None:
    extra = field.json_schema_extra
    name = str(extra.get("names", "")) if isinstance(extra, dict) else ""
    return Names[name] if name else None


def shown(value: object, *, whole: bool = False) -> str:
    """A value as it may be shown: of a secret, only that there is one."""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else "(empty)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "(none)"
    if isinstance(value, tuple):
        return ",".join(shown(one) for one in value) or "(none)"
    text = str(value)
    return text if text or not whole else "(empty)"


def _kind(field: FieldInfo) -> str:
    # `X | None` is an X that may be left out.
    kinds = [one for one in get_args(field.annotation) if one is not type(None)]
    annotation = kinds[0] if kinds and type(None) in get_args(field.annotation) else None
    name = getattr(annotation or field.annotation, "__name__", str(field.annotation))
    return {"str": "text", "int": "integer", "float": "number", "bool": "true or false"}.get(
        name, {"SecretStr": "secret", "Path": "path", "tuple": "list, by commas"}.get(name, name)
    )
