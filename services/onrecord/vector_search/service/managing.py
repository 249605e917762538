"""Galleries: made once, known to everyone."""

import threading

from sqlalchemy import Connection

from onrecord.chassis.database import alone, read_transaction, write_transaction
from onrecord.contracts.vector_search import GalleryInfo, GallerySetup
from onrecord.kernel.cards import Metric
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role
from onrecord.proof.authority import key_name
from onrecord.proof.notes import ED25519, NoteVerifier
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.names import check_jurisdiction
from onrecord.vector_search.core.values import NO_RECEIPT, Gallery, IndexSpace
from onrecord.vector_search.roster import galleries
from onrecord.vector_search.service.parts import PlaneParts

MAX_DIMENSION = 4096
_TURN = "galleries"


class Galleries:
    """Makes galleries and finds them."""

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts
        self._making = threading.Lock()

    def create(self, setup: GallerySetup, user_token: str, deadline: Deadline) -> GalleryInfo:
        """Key, collection, row, in this order: a gallery that stands has all three.

        An operator's act: who pins a state's first key decides whose lists are believed (law 10).
        """
        if Role.OPERATOR not in self._parts.tokens.verify(user_token).roles:
            raise OnRecordError(ErrorCode.ROLE_MISSING, "making a gallery is an operator's act")
        space = _checked(setup)
        with self._making, alone(self._parts.roster, _TURN):
            with read_transaction(self._parts.roster) as tx:
                held = galleries.find(tx, setup.jurisdiction)
            if held is not None:
                return self._info(_same(held, setup))
            public_key = self._parts.keys.mint(setup.jurisdiction)
            self._parts.reached(write_points.KEY_MINTED)
            self._parts.index.create(space, deadline)
            self._parts.reached(write_points.COLLECTION_MADE)
            gallery = Gallery(
                jurisdiction=setup.jurisdiction,
                model_id=setup.model_id,
                dimension=setup.dimension,
                metric=space.metric,
                authority_key=setup.authority_key,
                public_key=public_key,
                live_records=0,
                last_sequence=0,
                last_receipt=NO_RECEIPT,
            )
            with write_transaction(self._parts.roster) as tx:
                galleries.add(tx, gallery)
            self._parts.reached(write_points.GALLERY_STORED)
            return self._info(gallery)

    def all(self) -> tuple[GalleryInfo, ...]:
        with read_transaction(self._parts.roster) as tx:
            return tuple(self._info(gallery) for gallery in galleries.find_all(tx))

    def known(self, jurisdiction: str) -> Gallery:
        """Raises GALLERY_UNKNOWN."""
        with read_transaction(self._parts.roster) as tx:
            return self.find(tx, jurisdiction)

    def find(self, tx: Connection, jurisdiction: str) -> Gallery:
        """As `known`, within a transaction."""
        gallery = galleries.find(tx, jurisdiction)
        if gallery is None:
            raise OnRecordError(
                ErrorCode.GALLERY_UNKNOWN, "this plane holds no such gallery", field="gallery"
            )
        return gallery

    def _info(self, gallery: Gallery) -> GalleryInfo:
        """What anyone may know of a gallery."""
        return GalleryInfo(
            jurisdiction=gallery.jurisdiction,
            model_id=gallery.model_id,
            metric=gallery.metric.value,
            authority_key=gallery.authority_key,
            public_key=gallery.public_key,
            live_records=gallery.live_records,
            last_sequence=gallery.last_sequence,
            plane=self._parts.name,
        )


def _checked(setup: GallerySetup) -> IndexSpace:
    check_jurisdiction(setup.jurisdiction)
    try:
        metric = Metric(setup.metric)
    except ValueError as error:
        raise _invalid("metric", "is IP or L2") from error
    if not 1 <= setup.dimension <= MAX_DIMENSION:
        raise _invalid("dimension", f"is 1 to {MAX_DIMENSION}")
    if not 1 <= len(setup.model_id) <= 256:
        raise _invalid("model_id", "is 1 to 256 characters")
    key = NoteVerifier.parse(setup.authority_key)
    if key.name != key_name(setup.jurisdiction) or key.algorithm != ED25519:
        raise _invalid("authority_key", f"is a key named {key_name(setup.jurisdiction)}")
    return IndexSpace(setup.jurisdiction, setup.model_id, setup.dimension, metric)


def _same(held: Gallery, setup: GallerySetup) -> Gallery:
    existing = GallerySetup(
        jurisdiction=held.jurisdiction,
        model_id=held.model_id,
        dimension=held.dimension,
        metric=held.metric.value,
        authority_key=held.authority_key,
    )
    if existing != setup:
        raise OnRecordError(
            ErrorCode.GALLERY_EXISTS,
            f"{setup.jurisdiction} exists with another model or authority key",
            field="jurisdiction",
        )
    return held


def _invalid(field: str, rule: str) -> OnRecordError:
    return OnRecordError(ErrorCode.FIELD_INVALID, f"{field} {rule}", field=field)
