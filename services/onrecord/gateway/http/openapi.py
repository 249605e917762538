"""What `/openapi.json` says beyond what the routes say of themselves."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from onrecord.chassis.problems import MEDIA_TYPE
from onrecord.gateway.core.views import ProblemView

PUBLIC = "x-onrecord-public"
"""Marks an operation that needs no token."""

REQUEST_EXAMPLE: dict[str, Any] = {
    "case_number": "SLC-2026-004182",
    "purpose": "criminal_investigation",
    "role_sought": "suspect",
    "offence": {"statute": "Utah Code 76-6-302", "tier": "violent_felony"},
    "suspicion": "reasonable_suspicion",
    "federal_ground": "b1",
    "beneficiary_agency": "us-ut-slcpd",
    "narrative": "Robbery of a shop; the still is from the shop's own camera.",
    "instrument": {"type": "none"},
    "emergency": None,
    "probe": {
        "kind": "photograph",
        "source": "surveillance_still",
        "authority": "owner's consent",
        "captured_at": "2026-11-02T21:14:00Z",
        "edits": [],
    },
    "galleries": ["US-UT", "US-VT", "US-MD"],
    "list_size": 20,
}

DECISION_EXAMPLE: dict[str, Any] = {
    "method": "morphological_analysis",
    "decisions": [
        {
            "candidate_ref": "5f1c0f7e2a9b4d63",
            "conclusion": "supports_same",
            "reasons": ["ears, nasal root and a scar at the left brow agree"],
            "seconds": 240,
        }
    ],
}


def public() -> dict[str, Any]:
    """For `openapi_extra` of an operation that needs no token."""
    return {PUBLIC: True}


def multipart(**parts: dict[str, Any]) -> dict[str, Any]:
    """For `openapi_extra`: a body of required parts, each given by its schema."""
    schema = {"type": "object", "required": list(parts), "properties": parts}
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    }


def document(example: dict[str, Any], *required: str) -> dict[str, Any]:
    """For `openapi_extra`: a JSON object with exactly the fields of `required`."""
    schema = {
        "type": "object",
        "required": list(required),
        "additionalProperties": False,
        "properties": {name: _schema_like(example[name]) for name in required},
        "example": example,
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def image(description: str) -> dict[str, Any]:
    return {"type": "string", "format": "binary", "description": description}


def header(name: str, description: str) -> dict[str, Any]:
    """For `openapi_extra["parameters"]`: a required header."""
    schema = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"}
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": schema,
    }


class DescribedApp(FastAPI):
    """A FastAPI application whose document is complete: security, problems, examples."""

    def openapi(self) -> dict[str, Any]:
        """Made once."""
        if not self.openapi_schema:
            self.openapi_schema = _document(self)
        return self.openapi_schema


def _document(app: FastAPI) -> dict[str, Any]:
    said = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    components = said.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = TypeAdapter(ProblemView).json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    refused = {
        "description": "Refused or failed; `code` says why and never changes its meaning.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for path in said["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = refused
            if not operation.pop(PUBLIC, False):
                operation["security"] = [{"bearer": []}]
    return said


def _schema_like(value: object) -> dict[str, Any]:
    if isinstance(value, list):
        return {"type": "array", "items": _schema_like(value[0]) if value else {}}
    if isinstance(value, dict):
        return {
            "type": "object",
            "properties": {name: _schema_like(item) for name, item in value.items()},
        }
    if isinstance(value, int):
        return {"type": "integer"}
    return {"type": "string"}
