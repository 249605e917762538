"""Galleries and policies: an operator's and a custodian's acts, each one an entry."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onrecord.contracts.audit import ActivePolicy, Audit
from onrecord.contracts.field_reading import Fields, invalid
from onrecord.contracts.request_parsing import parse_jurisdiction
from onrecord.contracts.vector_search import GalleryInfo, GallerySetup, Plane
from onrecord.gateway.callers import Caller
from onrecord.gateway.core import write_points
from onrecord.gateway.limits import Limits
from onrecord.gateway.planes import PlaneDirectory
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role, Service
from onrecord.kernel.writepoints import WritePoint
from onrecord.proof.authority import AuthorityBundle


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a gallery needs to know of its model: numbers a template, and how two are compared."""

    dimension: int
    metric: str


@dataclass(frozen=True, slots=True)
class Landscape:
    """The galleries of the planes that answer, the policies in force, and who did not answer.

    `away` maps the name of a plane, or `audit`, to why.
    """

    galleries: tuple[GalleryInfo, ...]
    policies: Mapping[str, ActivePolicy]
    away: Mapping[str, OnRecordError]


class Administration:
    """Every step may be repeated; a repeat after a crash finishes what was begun."""

    def __init__(
        self,
        *,
        audit: Audit,
        planes: PlaneDirectory,
        models: Mapping[str, ModelFacts],
        limits: Limits,
        reached: WritePoint,
    ) -> None:
        self._audit = audit
        self._planes = planes
        self._models = models
        self._limits = limits
        self._reached = reached

    def create_gallery(self, caller: Caller, gallery: str, document: dict[str, Any]) -> GalleryInfo:
        """Pin the state's first key, name its model, make the gallery.

        Raises ROLE_MISSING, JURISDICTION_UNKNOWN, FIELD_*, MODEL_UNKNOWN, GALLERY_EXISTS.
        """
        caller.require(Role.OPERATOR)
        parse_jurisdiction(gallery, "gallery")
        fields = Fields(document)
        model_id = fields.text("model_id", 256)
        authority_key = fields.text("authority_key", 512)
        named = fields.text("plane", 64) if fields.has("plane") else None
        fields.finish()
        facts = self._models.get(model_id)
        if facts is None:
            raise OnRecordError(
                ErrorCode.MODEL_UNKNOWN, "no such model is installed", field="model_id"
            )
        deadline = Deadline.after(self._limits.call_seconds)
        plane = self._place(gallery, named, (model_id, authority_key), deadline)
        self._audit.pin_authority_key(gallery, authority_key, caller.token, deadline)
        self._reached(write_points.GALLERY_KEY_PINNED)
        self._audit.register_gallery_model(gallery, model_id, caller.token, deadline)
        self._reached(write_points.GALLERY_MODEL_REGISTERED)
        setup = GallerySetup(gallery, model_id, facts.dimension, facts.metric, authority_key)
        return plane.create_gallery(setup, caller.token, deadline)

    def _place(
        self, gallery: str, named: str | None, wanted: tuple[str, str], deadline: Deadline
    ) -> Plane:
        """Where it goes. `wanted` is its model and authority key.

        Before anything is logged: a model that the plane refuses must not stand in grants.
        """
        held = self._planes.holder(gallery, deadline)
        name, plane = self._planes.home(gallery, named or (held[0] if held else None))
        if held is not None and (held[0] != name or _kind(held[1]) != wanted):
            raise OnRecordError(
                ErrorCode.GALLERY_EXISTS,
                f"the gallery {gallery} exists with another model, authority key or plane",
            )
        return plane

    def activate_policy(self, caller: Caller, gallery: str, document: dict[str, Any]) -> int:
        """Put a signed bundle in force; the index of its entry.

        Raises ROLE_MISSING, CALLER_NOT_ALLOWED, POLICY_INVALID, SIGNATURE_INVALID.
        """
        parse_jurisdiction(gallery, "gallery")
        caller.require_custodian(gallery)
        fields = Fields(document)
        parts = {
            name: fields.take(name) for name in ("policy", "authority", "manifest", "signature")
        }
        fields.finish()
        bundle = AuthorityBundle.from_json(parts)
        if _named_in(bundle) != gallery:
            raise invalid("manifest", f"does not name {gallery}")
        deadline = Deadline.after(self._limits.call_seconds)
        return self._audit.activate_policy(bundle, caller.token, deadline).index

    def galleries(self) -> Landscape:
        """What can be reached, and what cannot. Never raises for what is away."""
        deadline = Deadline.after(self._limits.call_seconds)
        survey = self._planes.survey(deadline)
        away = {one.plane: one.error for one in survey.unreachable}
        policies: dict[str, ActivePolicy] = {}
        try:
            policies = {one.jurisdiction: one for one in self._audit.active_policies(deadline)}
        except OnRecordError as error:
            away[Service.AUDIT.value] = error
        return Landscape(survey.galleries, policies, away)

    def policies(self) -> tuple[ActivePolicy, ...]:
        return self._audit.active_policies(Deadline.after(self._limits.call_seconds))


def _kind(held: GalleryInfo) -> tuple[str, str]:
    return held.model_id, held.authority_key


def _named_in(bundle: AuthorityBundle) -> object:
    """The jurisdiction in a manifest that nobody has verified yet; audit does."""
    try:
        manifest = json.loads(bundle.manifest)
    except (ValueError, RecursionError):
        return None
    return manifest.get("jurisdiction") if isinstance(manifest, dict) else None
