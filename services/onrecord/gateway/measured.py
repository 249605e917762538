"""What is measured of a search and of casework. The use-cases do not know that they are measured:
what they call is wrapped where everything is put together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, cast

from sqlalchemy import Engine, func, select

from onrecord.chassis.database import read_transaction
from onrecord.chassis.telemetry import Label, Meter, Reading, Value, span
from onrecord.contracts.audit import Audit, Authorization, AuthorizeCall
from onrecord.contracts.detection import FaceDetection
from onrecord.contracts.embedding import EmbedRequest, FaceEmbedding
from onrecord.contracts.images import Detection, Template
from onrecord.contracts.vector_search import GalleryAnswer, Plane, PlaneSearch
from onrecord.gateway.store.gallery_tables import dead_letters
from onrecord.gateway.store.tables import searches, tasks
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.times import Clock, parse_time
from onrecord.proof.statements import Mandate

METER: Final = Meter("searches and casework")
_GALLERY: Final = Label("gallery", "a gallery, by its jurisdiction")
STAGE_SECONDS: Final = METER.histogram(
    "search_stage_seconds",
    "How long each stage of a search took, as the gateway waited for it; planes are asked side by "
    "side, each for all of its galleries in one call, and each call is counted.",
    (Label("stage", "the stage", ("authorise", "detect", "embed", "gallery")),),
)
GALLERY_SECONDS: Final = METER.histogram(
    "search_gallery_seconds",
    "How long a plane took to answer for a gallery, receipt included, as the gateway waited for "
    "it: galleries of one plane are asked for in one call, and take what it takes.",
    (_GALLERY,),
)
OPEN_TASKS: Final = METER.gauge("examination_open_tasks", "Tasks that wait for their examiner.")
OLDEST_TASK: Final = METER.gauge(
    "examination_oldest_seconds",
    "How long ago the search was made whose task has waited longest; absent without open tasks.",
    (),
    "seconds",
)
LETTERS: Final = METER.gauge(
    "dead_letters_waiting",
    "Dead letters that nobody has sent on again: about enrolments, which can be, and about nothing "
    "that can be.",
    (Label("about", "what they are about", ("enrolment", "nothing")),),
)
SEARCHES: Final = METER.gauge(
    "searches_kept", "Searches in casework, by status.", (Label("status", "of the search"),)
)


@contextmanager
def _stage(name: str) -> Iterator[None]:
    with STAGE_SECONDS.timed(stage=name), span(name, onrecord_stage=name):
        yield


class _Wrapped:
    """Whatever is not measured is passed on as it is."""

    def __init__(self, inner: object) -> None:
        self._inner: Any = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Audit(_Wrapped):
    def authorize(self, call: AuthorizeCall, deadline: Deadline) -> Authorization:
        with _stage("authorise"):
            return cast("Authorization", self._inner.authorize(call, deadline))


class _Detection(_Wrapped):
    def detect(
        self, image: bytes, mandate: Mandate, model_ids: Sequence[str], deadline: Deadline
    ) -> Detection:
        with _stage("detect"):
            return cast("Detection", self._inner.detect(image, mandate, model_ids, deadline))


class _Embedding(_Wrapped):
    def embed(self, requests: Sequence[EmbedRequest], deadline: Deadline) -> tuple[Template, ...]:
        with _stage("embed"):
            return cast("tuple[Template, ...]", self._inner.embed(requests, deadline))


class _Plane(_Wrapped):
    def search_galleries(
        self, search: PlaneSearch, deadline: Deadline
    ) -> tuple[GalleryAnswer, ...]:
        names = search.galleries
        with ExitStack() as stack:
            stack.enter_context(STAGE_SECONDS.timed(stage="gallery"))
            for name in names:
                stack.enter_context(GALLERY_SECONDS.timed(gallery=name))
            asked = ",".join(names)
            stack.enter_context(span("gallery", onrecord_gallery=asked, onrecord_stage="gallery"))
            answers = self._inner.search_galleries(search, deadline)
            return cast("tuple[GalleryAnswer, ...]", answers)


def measured_audit(audit: Audit) -> Audit:
    return cast("Audit", _Audit(audit))


def measured_detection(detection: FaceDetection) -> FaceDetection:
    return _Detection(detection)


def measured_embedding(embedding: FaceEmbedding) -> FaceEmbedding:
    return _Embedding(embedding)


def measured_planes(planes: Mapping[str, Plane]) -> dict[str, Plane]:
    return {name: cast("Plane", _Plane(plane)) for name, plane in planes.items()}


def casework_reading(engine: Engine, clock: Clock) -> Reading:
    """What waits for examiners, and how many searches there are."""

    def read() -> Iterable[Value]:
        with read_transaction(engine) as connection:
            waiting, oldest = connection.execute(
                select(func.count(), func.min(searches.c.created_at))
                .select_from(tasks.join(searches, searches.c.search_id == tasks.c.search_id))
                .where(tasks.c.status == "open")
            ).one()
            counted = connection.execute(
                select(searches.c.status, func.count()).group_by(searches.c.status)
            ).all()
            is_sendable = dead_letters.c.enrolment_id != ""
            letters = connection.execute(
                select(is_sendable, func.count())
                .where(dead_letters.c.redriven_at.is_(None))
                .group_by(is_sendable)
            ).all()
        by_subject = {bool(about): int(count) for about, count in letters}
        yield Value(LETTERS, by_subject.get(True, 0), {"about": "enrolment"})
        yield Value(LETTERS, by_subject.get(False, 0), {"about": "nothing"})
        yield Value(OPEN_TASKS, waiting)
        if oldest is not None:
            yield Value(OLDEST_TASK, (clock.now() - parse_time(oldest)).total_seconds())
        for status, count in counted:
            yield Value(SEARCHES, count, {"status": str(status)})

    return Reading("casework", read)
