"""The ledger's entries in a few lines: runs of the same kind by the same person become one."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from onrecord.cli.ledger_source import read_bodies

Entry = tuple[int, Mapping[str, Any]]


def told(bodies: Path) -> Iterator[tuple[str, str, str]]:
    """Entry numbers, kind and what it says, in order. Bodies as `ledger verify` reads them."""
    entries = [(index, json.loads(body)) for index, _, body in read_bodies(bodies)]
    for (kind, who), run in groupby(entries, key=lambda entry: _run(entry[1])):
        group = list(run)
        first, last = group[0][0], group[-1][0]
        numbers = str(first) if first == last else f"{first} to {last}"
        yield numbers, kind, _says(kind, who, group)


def _run(body: Mapping[str, Any]) -> tuple[str, str]:
    by = body["by"]
    return str(body["kind"]), str(by.get("person") or by.get("service"))


def _says(kind: str, who: str, group: list[Entry]) -> str:
    body = group[0][1]
    match kind:
        case "gallery.enrolled":
            of = Counter(str(one["gallery"]) for _, one in group)
            counted = ", ".join(f"{count} of {gallery}" for gallery, count in of.items())
            return f"portraits, each sealed to its state's key: {counted}"
        case "look.granted":
            return f"{who} looks {len(group)} times, one picture a look"
        case "request.granted" | "request.refused":
            answers = (f"{name} {one['decision']}" for name, one in body["galleries"].items())
            return f"{who}: {', '.join(answers)}"
        case "search.executed":
            receipt = body["receipt"]
            found = len(receipt["candidates"])
            return f"{body['gallery']}, receipt {receipt['sequence']}, {found} candidates"
        case "examination.decided":
            same = sum(one["conclusion"] == "supports_same" for one in body["decisions"])
            return f"{who}: {len(body['decisions'])} candidates decided, {same} supported"
        case "lead.released":
            rests = ", ".join(str(index) for index in [*body["executed"], *body["decided"]])
            return f"{len(body['leads'])} lead, derived from entries {rests}"
        case "search.closed":
            return str(body["reason"])
        case "policy.activated":
            return f"{body['jurisdiction']}, version {body['version']}, by {who}"
        case "key.changed" | "model.activated":
            return ", ".join(str(one["jurisdiction"]) for _, one in group)
        case _:
            return who
