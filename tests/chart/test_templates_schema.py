"""R-44: every value is described, none is unknown, and each of them does something."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import jsonschema
import pytest
import yaml

from tests.chart.releases import CHART, PROFILES, merged
from tests.chart.rendering import RefusedError, given, template
from tools import chart_pages

_VALUES: Final = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
_SCHEMA: Final = json.loads((CHART / "values.schema.json").read_text("utf-8"))
_FREE: Final = {"global", "affinity"}
"""What is Kubernetes's own, or nobody's."""


@pytest.mark.parametrize("path", list(chart_pages.made()))
def test_schema_and_page_are_current(path: Any) -> None:
    """The settings in the schema are the code's, and the page is made of schema and values."""
    assert path.read_text("utf-8") == chart_pages.made()[path], "python -m tools.chart_pages"


def test_every_value_is_described_and_no_other_is_accepted() -> None:
    """At every depth: a closed object, a text that ends as one does."""
    for path, one in _objects(_SCHEMA, "values"):
        if path.rsplit(".", 1)[-1] in _FREE or "$ref" in one:
            continue
        closed = one.get("additionalProperties")
        assert closed is False or isinstance(closed, Mapping), path
        for name, part in one.get("properties", {}).items():
            described = part.get("description") or _resolved(part).get("description", "")
            assert re.search(r"\w.*\.$", described), f"{path}.{name}"


def test_every_value_of_the_file_is_in_the_schema_and_the_other_way_round() -> None:
    """What can be given has its default in values.yaml, but for what each service inherits."""
    jsonschema.Draft202012Validator(_SCHEMA).validate(_VALUES)
    assert set(_SCHEMA["properties"]) - {"global"} == set(_VALUES)
    for section in (
        "bus",
        "identity",
        "objects",
        "ledger",
        "casework",
        "models",
        "certificates",
        "telemetry",
        "defaults",
        "inference",
        "triton",
        "keda",
        "setup",
        "ingress",
        "httpRoute",
        "network",
        "monitoring",
        "image",
    ):
        assert set(_SCHEMA["properties"][section]["properties"]) == set(_VALUES[section]), section


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_is_within_the_schema(profile: str) -> None:
    told = yaml.safe_load((CHART / "profiles" / f"{profile}.yaml").read_text("utf-8"))
    jsonschema.Draft202012Validator(_SCHEMA).validate(merged(_VALUES, told))


@pytest.mark.parametrize(
    "wrong",
    [
        {"replica": 3},
        {"gateway": {"replicas": "three"}},
        {"gateway": {"settings": {"no_such_setting": 1}}},
        {"gateway": {"settings": {"database_url": "postgresql://u:p@h/d"}}},
        {"gateway": {"settings": {"admission": 0}}},
        {"planes": {"main": {"milvuss": "http://m:1"}}},
        {"planes": {"Main": {"milvus": "http://m:1"}}},
        {"bus": {"address": "kafka:9092"}},
        {"bus": {"password": "secret"}},
        {"objects": {"secretKey": "secret"}},
        {"network": {"peers": {"kafka": {"to": [{"anything": {}}]}}}},
        {"triton": {"gpus": -1}},
    ],
)
def test_what_is_unknown_or_out_of_bounds_is_refused(wrong: Mapping[str, Any]) -> None:
    """A secret as a value is such a thing, too."""
    with pytest.raises(RefusedError, match=r"(?i)schema|additional"):
        template("small", given("small", wrong))


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ({"bus": {"address": ""}}, "bus.address"),
        ({"identity": {"issuer": ""}}, "identity.issuer"),
        ({"planes": {"main": {"milvus": ""}}}, "planes.main.milvus"),
        ({"planes": {"main": {"enabled": False}}}, "name at least one"),
        ({"audit": {"enabled": False}}, "audit.address"),
        ({"ingress": {"enabled": True}}, "ingress.host"),
    ],
)
def test_what_must_be_given_is_asked_for_by_its_name(lacking: Mapping[str, Any], said: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(said)):
        template("small", given("small", lacking))


def test_every_value_is_used_by_a_template() -> None:
    """A value that no template reads would be a promise that nobody keeps."""
    text = "".join(path.read_text("utf-8") for path in sorted((CHART / "templates").iterdir()))
    for path in _leaves(_VALUES, ()):
        if "peers" in path:
            continue  # by the names of the arrows
        name = path[-1]
        assert re.search(rf"\.{re.escape(name)}\b|\"{re.escape(name)}\"", text), ".".join(path)


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, Mapping) and value and path[-1:] != ("labels",):
        for name, part in value.items():
            if path[-1:] not in (("requests",), ("limits",)):
                yield from _leaves(part, (*path, name))
            else:
                yield path
    else:
        yield path


def _objects(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if schema.get("type") == "object":
        yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from _objects(part, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            yield from _objects(schema[key], f"{path}[]")
    for name, part in schema.get("$defs", {}).items():
        yield from _objects(part, f"$defs.{name}")


def _resolved(part: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in part:
        found: Any = _SCHEMA
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part
