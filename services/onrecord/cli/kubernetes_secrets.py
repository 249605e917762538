"""The Secrets that the chart's release expects, as one file for `kubectl apply`.

Names as in `deploy/helm/onrecord/templates/_names.tpl`: a test renders the chart and compares.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from onrecord.chassis.certificates import LocalAuthority
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.standalone.folder import CASEWORK_KEY, LEDGER_KEY, PUBLIC_LEDGER_KEY

_CHART = "onrecord"
_LONGEST = 40
_LINE = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?)\.([a-z0-9-]+)=(.+)")


def full_name(release: str) -> str:
    """What the objects of a release begin with."""
    name = release if _CHART in release else f"{release}-{_CHART}"
    return name[:_LONGEST].removesuffix("-")


def read_given(text: str) -> dict[str, dict[str, str]]:
    """Secrets that only the operator knows, by the end of their names: a line is
    `SECRET.KEY=VALUE`, such as `database-gateway.url=postgresql+psycopg://…`; `#` begins a comment.

    Raises FIELD_INVALID with the number of the line, never quoting it.
    """
    given: dict[str, dict[str, str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise OnRecordError(
                ErrorCode.FIELD_INVALID, f"line {number} is not SECRET.KEY=VALUE", field="secrets"
            )
        given.setdefault(match[1], {})[match[3]] = match[4]
    return given


def manifest(
    release: str, keys: Path, planes: Sequence[str], given: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """A `List`: the keys in `keys`, a certificate for each service and plane from the local
    authority there, and what is `given`.
    """
    name = full_name(release)
    items = [
        _secret(f"{name}-ledger-signing-key", {"ledger.key": (keys / LEDGER_KEY).read_bytes()}),
        _secret(f"{name}-casework-key", {"casework.key": (keys / CASEWORK_KEY).read_bytes()}),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"{name}-ledger-verifier-key"},
            "data": {"ledger.vkey": (keys / PUBLIC_LEDGER_KEY).read_text("utf-8")},
        },
        *_certificates(name, keys / "authority", planes),
        *(
            _secret(f"{name}-{end}", {key: text.encode() for key, text in content.items()})
            for end, content in given.items()
        ),
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def written(content: Mapping[str, Any]) -> bytes:
    """JSON, which is YAML."""
    return json.dumps(content, indent=1).encode() + b"\n"


def _certificates(name: str, folder: Path, planes: Sequence[str]) -> Iterator[dict[str, Any]]:
    authority = LocalAuthority.open(folder)
    for service in Service:
        of_service = service is Service.VECTOR_SEARCH
        for end in [f"{service.value}-{one}" for one in planes] if of_service else [service.value]:
            identity = authority.issue(service, end)
            pair = {"tls.crt": identity.chain_pem, "tls.key": identity.key_pem}
            content = pair | {"ca.crt": identity.root_pem}
            yield _secret(f"{name}-{end}-tls", content, "kubernetes.io/tls")


def _secret(name: str, data: Mapping[str, bytes], kind: str = "Opaque") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": kind,
        "data": {key: base64.b64encode(content).decode() for key, content in data.items()},
    }
