"""Kubernetes' own schemas, version by version, as the package `kubernetes-validate` carries them.

Its own function reads the definitions of a whole version for each object; here they are read once.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Final

import jsonschema
from kubernetes_validate import utils
from referencing import Registry, Resource

_GROUP: Final = re.compile(r"^([^./]*)(?:\.[^/]*)?/")


class UnknownFieldError(AssertionError):
    """A version of Kubernetes would not take an object; the text says where and why."""


def validate(one: Mapping[str, Any], version: str) -> None:
    """In `version` (`1.34`) no unknown field is let through. Raises UnknownFieldError."""
    found = _validator(version, one["kind"], one["apiVersion"])
    for error in found.iter_errors(one):
        where = ".".join(map(str, error.path))
        raise UnknownFieldError(f"{one['kind']} {one['metadata']['name']}: {where}: {error}")


@cache
def _validator(version: str, kind: str, api_version: str) -> jsonschema.Draft202012Validator:
    # As the files are called: rbac.authorization.k8s.io/v1 is rbac-v1.
    group = _GROUP.sub(r"\1-", api_version)
    schema = _file(version, f"{kind.lower()}-{group}")
    return jsonschema.Draft202012Validator(schema, registry=_registry(version))


@lru_cache(maxsize=1)  # a version's definitions are large, and its tests follow each other
def _registry(version: str) -> Registry[Any]:
    return Resource.from_contents(_file(version, "_definitions")) @ Registry()


def _file(version: str, name: str) -> Any:
    (exact,) = {one for one in utils.all_versions() if utils.major_minor(one) == version}
    path = f"kubernetes-json-schema/v{exact}-local-strict/{name}.json"
    return utils.schema_contents(path, version)
