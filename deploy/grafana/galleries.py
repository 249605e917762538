"""The planes: each gallery's records, index and receipts, and Milvus below."""

from deploy.grafana.board import GALLERIES, PLANES, Board, Section
from deploy.grafana.dress import Bad, Says
from deploy.grafana.milvus import milvus
from deploy.grafana.panels import Sized, cloud, lines, listing, state
from deploy.grafana.planes import planes
from deploy.grafana.queries import (
    GALLERY,
    PLANE,
    Query,
    increase,
    mean,
    of,
    or_zero,
    quantile,
    rate,
    spread,
    worst,
)

_INDEX = "onrecord_index_search_seconds"
_WAITED = "onrecord_search_gallery_seconds"
_GONE = (
    f"group by (gallery) (last_over_time({of('onrecord_gallery_records', GALLERY, PLANE)}[1d])) "
    f"unless on (gallery) {of('onrecord_gallery_records')}"
)
_TOLD = f"count ({of('onrecord_gallery_records')})"
_JOB = 'job="vector-search"'


def galleries() -> Board:
    return Board(
        "onrecord-galleries",
        "Vector search by gallery",
        "Each plane and gallery: what it holds, how long its index takes, whether its receipts "
        "are dense, and how the Milvus below it is. A state that runs its own plane chooses it "
        "above.",
        (
            Section("Galleries", _held()),
            Section("The index", _index()),
            Section("Planes", planes()),
            Section("Milvus", milvus()),
        ),
        (PLANES, GALLERIES),
    )


def _held() -> tuple[Sized, ...]:
    return (
        state(
            Says(
                "Galleries told of",
                "How many galleries the planes tell of. Normal: as many as have been opened.",
                "short",
            ),
            Query(f"count ({worst('onrecord_gallery_records', GALLERY, PLANE, by='gallery')})"),
        ),
        state(
            Says(
                "Galleries gone",
                "Galleries that a plane told of in the last day and none tells of now. Normal: 0; "
                "1 for a day after a gallery was closed.",
                "short",
                Bad("OnRecordGalleryAbsent", 1),
            ),
            Query(or_zero(f"count ({_GONE})", _TOLD)),
        ),
        state(
            Says(
                "Planes that answer",
                "The share of vector search's processes that Prometheus reaches, the worst plane. "
                "Normal: 100 %.",
                "percentunit",
                Bad("OnRecordServiceAbsent", 0.5, 1, falling=True),
            ),
            Query(f"min (avg by (plane) ({of('up', _JOB, PLANE)}))"),
        ),
        state(
            Says(
                "Searches nobody made",
                "Searches that the engine counted and no plane of ours made, in six hours. Normal: "
                "0, always: otherwise somebody asks Milvus beside the law.",
                "short",
                Bad("OnRecordStrangeSearches", 1),
            ),
            Query(f"ceil({increase('onrecord_strange_searches_total', PLANE, over='6h')})"),
        ),
        state(
            Says(
                "Transport keys overdue",
                "Keys under which portraits travelled, that should have been destroyed and are "
                "not. Normal: 0: what is still on the bus could be read with them.",
                "short",
                Bad("OnRecordTransportKeyOverdue", 1),
            ),
            Query(or_zero(worst("onrecord_transport_keys_overdue", GALLERY, PLANE), _TOLD)),
        ),
        state(
            Says(
                "Records",
                "Records that are live by the roster, in the galleries chosen. Normal: it grows "
                "with enrolment and falls by one with each deletion.",
                "short",
            ),
            Query(f"sum ({worst('onrecord_gallery_records', GALLERY, PLANE, by='gallery')})"),
        ),
        listing(
            Says(
                "What each gallery holds",
                "Records that are live by the roster, and the number of the last receipt. Normal: "
                "receipts grow with every search; records with enrolment.",
                "short",
            ),
            Query(worst("onrecord_gallery_records", GALLERY, PLANE, by="gallery"), "records"),
            Query(worst("onrecord_gallery_receipts", GALLERY, PLANE, by="gallery"), "receipts"),
            columns=("gallery",),
            height=8,
        ),
        lines(
            Says(
                "Receipts",
                "Receipts a second, by gallery: what was really searched. Normal: as many as "
                "grants. A gallery that stands at 0 while others move is not asked, or refuses.",
                "ops",
            ),
            Query(
                "max by (gallery) (rate("
                + of("onrecord_gallery_receipts", GALLERY, PLANE)
                + "[$__rate_interval]))",
                "{{gallery}}",
            ),
        ),
    )


def _index() -> tuple[Sized, ...]:
    return (
        cloud(
            Says(
                "How long the index took",
                "One search of one gallery's index; the darker a field, the more took that long. "
                "Normal: one band, whose height follows the largest gallery.",
                "s",
            ),
            spread(_INDEX, GALLERY, PLANE),
            width=8,
        ),
        lines(
            Says(
                "Index, 95 of 100",
                "What 95 of 100 searches of a gallery's index took at most. Normal: it grows with "
                "the gallery; a step without one is Milvus loading, compacting or short of memory.",
                "s",
            ),
            Query(quantile(0.95, _INDEX, GALLERY, PLANE, by="gallery"), "{{gallery}}"),
            width=8,
        ),
        lines(
            Says(
                "Beside the index, mean",
                "What the gateway waited for a gallery beyond its index: the grant's check, the "
                "roster and the receipt on the bus. Normal: below 100 ms; more is the plane's "
                "database or the bus.",
                "s",
            ),
            Query(
                f"{mean(_WAITED, GALLERY, by='gallery')} - {mean(_INDEX, GALLERY, by='gallery')}",
                "{{gallery}}",
            ),
            width=8,
        ),
        lines(
            Says(
                "Hits that are not live, of a search",
                "Hits that the index returned and the roster does not hold live, of one search: "
                "of deleted and replaced records. They are dropped, and take a true hit's place. "
                "Normal: near 0; a little after deletions, until the index is compacted.",
                "short",
                Bad("OnRecordRosterDrift", 0.1),
            ),
            Query(
                f"({rate('onrecord_roster_drops_total', GALLERY, PLANE, by='gallery')} or "
                f"0 * {rate(f'{_INDEX}_count', GALLERY, PLANE, by='gallery')}) / "
                f"{rate(f'{_INDEX}_count', GALLERY, PLANE, by='gallery')}",
                "{{gallery}}",
            ),
            width=12,
        ),
        lines(
            Says(
                "Records by gallery",
                "Records that are live by the roster. Normal: it climbs with enrolment and never "
                "falls by a step: a deletion is one record.",
                "short",
            ),
            Query(worst("onrecord_gallery_records", GALLERY, PLANE, by="gallery"), "{{gallery}}"),
            width=12,
        ),
    )
