"""The gateway's places: how full they are, who waits for one and who was told to come again."""

from deploy.grafana.dress import Says
from deploy.grafana.panels import Sized, lines
from deploy.grafana.queries import Query, or_zero, rate, total

_TAKEN = "onrecord_gateway_places_taken"
_PLACES = "onrecord_gateway_places"


def places() -> tuple[Sized, ...]:
    return (
        lines(
            Says(
                "Places taken",
                "The share of all gateways' places that is taken, by what they are for: searches "
                "at work, probes on their way, uploads, other calls. Normal: searches below 70 %. "
                "Long at 100 % with probes taken too: more gateways, or more behind them.",
                "percentunit",
            ),
            Query(f"{total(_TAKEN, by='room')} / {total(_PLACES, by='room')}", "{{room}}"),
            width=8,
        ),
        lines(
            Says(
                "Searches that wait for a place",
                "Searches, read in full, in the gateways' lines; the line is half as long as the "
                "places. Normal: 0. Beside it the places that searches have.",
                "short",
            ),
            Query(total("onrecord_gateway_searches_waiting"), "waiting"),
            Query(total(_PLACES, 'room="searches"'), "places"),
            width=8,
        ),
        lines(
            Says(
                "Told to come again",
                "Calls answered 429 for want of a place, by what was full; nothing was granted or "
                "looked at. line: it waited for as long as it may. Normal: none. A search "
                "that is shed counts as not answered.",
                "reqps",
            ),
            Query(
                or_zero(rate("onrecord_gateway_shed_total", by="room"), total(_PLACES, by="room")),
                "{{room}}",
            ),
            width=8,
            stacked=True,
        ),
    )
