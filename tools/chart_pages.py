"""What of the chart is made from elsewhere: the settings in its schema, and the page of its values.

    .venv/bin/python -m tools.chart_pages           writes both
    .venv/bin/python -m tools.chart_pages --check   says which is not current

A setting that the chart sets itself cannot be set by a value; all others can, under `settings`, by
the names and within the bounds that the code gives them.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from onrecord.cli.services import settings_of
from onrecord.kernel.vocabulary import Service

CHART: Final = Path(__file__).resolve().parents[1] / "deploy" / "helm" / "onrecord"
SCHEMA: Final = CHART / "values.schema.json"
PAGE: Final = CHART / "README.md"

THE_CHARTS_OWN: Final = frozenset(
    {
        "address",
        "health_address",
        "stop_seconds",
        "unready_seconds",
        "certificate",
        "certificate_key",
        "roots",
        "otlp_endpoint",
        "trace_sample",
        "planes",
        "homes",
        "audit",
        "detection",
        "embedding",
        "plane",
        "bus",
        "bus_roots",
        "bus_certificate",
        "bus_key",
        "bus_user",
        "bus_password",
        "bus_mechanism",
        "objects_endpoint",
        "objects_region",
        "objects_access_key",
        "objects_secret_key",
        "vault",
        "ingest",
        "ledger_objects",
        "token_issuer",
        "token_audience",
        "token_keys",
        "token_keys_roots",
        "database_url",
        "roster_url",
        "milvus",
        "milvus_token",
        "keys",
        "casework_key",
        "ledger_key",
        "ledger_signing_key",
        "witnesses",
        "witness_quorum",
        "models",
        "inference",
        "inference_roots",
        "inference_certificate",
        "inference_key",
    }
)
"""Settings that follow from other values, or are secrets."""

_SECTIONS: Final = {
    Service.GATEWAY: "gateway",
    Service.DETECTION: "detection",
    Service.EMBEDDING: "embedding",
    Service.VECTOR_SEARCH: "vectorSearch",
    Service.AUDIT: "audit",
}
_LIKE_DEFAULTS: Final = (*_SECTIONS.values(),)
_KEPT: Final = ("type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "pattern")

_HEAD: Final = """# The chart's values

Generated from `values.schema.json` and `values.yaml` by `python -m tools.chart_pages`; a test \
keeps it current. How an installation is made: [docs/install.md](../../../docs/install.md).

What is not in this page is refused. Three must be given: `bus.address`, `identity.issuer` and, \
for each plane, `planes.NAME.milvus`; with an S3 store that is not AWS's, `objects.endpoint`. \
Profiles to start from: [small](profiles/small.yaml), [national](profiles/national.yaml), \
[gpu](profiles/gpu.yaml).

RELEASE stands for the release's name (with `-onrecord` behind it, where that is not in it). No \
secret is ever a value: values name Secrets, and these are looked for by default:

| object | keys | who reads it |
|---|---|---|
| Secret `RELEASE-SERVICE-tls`, `RELEASE-vector-search-PLANE-tls` | `tls.crt`, `tls.key`, \
`ca.crt` | that service; made by cert-manager where `certificates.issuerRef` is given |
| Secret `RELEASE-database-gateway`, `-audit`, `-vector-search-PLANE` | `url`; `owner-url` for \
migrations | that service |
| Secret `RELEASE-ledger-signing-key` | `ledger.key` | audit |
| ConfigMap `RELEASE-ledger-verifier-key` | `ledger.vkey` | detection, embedding, planes |
| Secret `RELEASE-casework-key` | `casework.key` | gateway |
| Secret `RELEASE-objects` | `access-key`, `secret-key` | all but embedding; not with \
`objects.platformCredentials` |
| Secret `RELEASE-bus` | `password`, `ca.crt`, `tls.crt`, `tls.key` | all, as far as `bus` says \
so |
"""


def settings_schema(service: Service) -> dict[str, Any]:
    """The settings of a service that values may set, as JSON Schema."""
    made = settings_of(service).model_json_schema()["properties"]
    return _closed(
        f"Settings of {service.value} by their own names; docs/settings.md has their defaults.",
        {name: _setting(one) for name, one in sorted(made.items()) if name not in THE_CHARTS_OWN},
    )


def schema(standing: Mapping[str, Any]) -> dict[str, Any]:
    """The whole schema with its settings as the code has them now."""
    found = {section: settings_schema(service) for service, section in _SECTIONS.items()}
    in_all = set.intersection(*(set(one["properties"]) for one in found.values()))
    every = {name: found["gateway"]["properties"][name] for name in sorted(in_all)}
    definitions = {
        **standing["$defs"],
        **{f"{section}Settings": one for section, one in found.items()},
        "everySettings": _closed("Settings that every service has, by their own names.", every),
    }
    return {**standing, "$defs": definitions}


def page(standing: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """The README of the chart."""
    lines = [_HEAD]
    for name, one in standing["properties"].items():
        lines += [f"## {name}", "", one["description"], ""]
        rows = list(_rows(standing, name, one, values.get(name), name in _LIKE_DEFAULTS))
        if rows:
            lines += ["| value | kind | default | meaning |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def _rows(
    standing: Mapping[str, Any],
    path: str,
    one: Mapping[str, Any],
    value: Any,
    like_defaults: bool,
) -> Iterator[str]:
    described = _resolved(standing, one)
    if described.get("properties") and path != "global":
        common = set(standing["properties"]["defaults"]["properties"]) if like_defaults else set()
        for name, part in described["properties"].items():
            given = value.get(name) if isinstance(value, Mapping) else None
            if name == "settings":
                yield from _settings(standing, f"{path}.settings", part, path)
            elif name not in common or given is not None:
                yield from _rows(standing, f"{path}.{name}", part, given, False)
        return
    if "." not in path and described.get("type") == "object":
        if isinstance(described.get("additionalProperties"), Mapping) and value is not None:
            inner = _resolved(standing, described["additionalProperties"])
            if inner.get("properties") and "additionalProperties" in inner and path != "planes":
                for name, part in inner["properties"].items():
                    yield from _rows(standing, f"{path}.NAME.{name}", part, None, False)
                return
        return
    says = one.get("description") or described.get("description", "")
    yield f"| `{path}` | {_kind(standing, described)} | {_shown(value)} | {says} |"


def _settings(
    standing: Mapping[str, Any], path: str, part: Mapping[str, Any], section: str
) -> Iterator[str]:
    names = _resolved(standing, part)["properties"]
    every = standing["$defs"]["everySettings"]["properties"]
    own = [name for name in names if section == "defaults" or name not in every]
    told = ", ".join(f"`{name}`" for name in own) or "those of `defaults`"
    says = f"By [their own names](../../../docs/settings.md): {told}"
    yield f"| `{path}` | object | `{{}}` | {says} |"


def _resolved(standing: Mapping[str, Any], one: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in one:
        found: Any = standing
        for part in one["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        one = found
    return one


def _kind(standing: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    if one is standing["$defs"]["quantity"]:
        return "quantity"
    if "enum" in one:
        return " or ".join(f"`{value}`" for value in one["enum"] if value)
    if one["type"] == "array":
        inner = _resolved(standing, one["items"])
        return "list of objects" if inner.get("type") == "object" else f"list of {inner['type']}s"
    kinds = one["type"] if isinstance(one["type"], list) else [one["type"]]
    told = " or ".join(kinds)
    low, high = one.get("minimum"), one.get("maximum")
    if "integer" in kinds and high is not None:
        return f"{told}, {low} to {high}"
    return told


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if value == "":
        return "(empty)"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _setting(one: Mapping[str, Any]) -> dict[str, Any]:
    kinds = one.get("anyOf", [one])
    (kept,) = [kind for kind in kinds if kind.get("type") != "null"]
    made = {key: kept[key] for key in _KEPT if key in kept}
    return {"description": one["description"], **made}


def _closed(description: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": dict(properties),
    }


def made() -> Mapping[Path, str]:
    """What each of the files ought to hold."""
    whole = schema(json.loads(SCHEMA.read_text("utf-8")))
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    return {SCHEMA: json.dumps(whole, indent=1) + "\n", PAGE: page(whole, values)}


def main() -> None:
    wrong = [
        path
        for path, text in made().items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        sys.exit(f"not current: {', '.join(map(str, wrong))}" if wrong else 0)
    for path, text in made().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
