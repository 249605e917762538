"""Galleries of several states, filled to a size over HTTP: photographs under many record ids.

Every state has Utah's example policy in its own name, with quotas that nobody reaches: the quotas
are the law of a search, and these are measurements. Keys are minted for the occasion.
"""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from load_tests.installation import Installation, under_many_ids
from load_tests.lfw import ROOT, Photograph, data_folder, photographs
from load_tests.people import EXAMINERS, OPERATOR, STATE, custodian
from onrecord.chassis.inference import ModelRepository
from onrecord.client.results import Search
from onrecord.kernel.cards import ModelRole
from onrecord.kernel.vocabulary import GalleryStatus
from onrecord.proof.authority import AuthorityBundle, build_bundle, key_name
from onrecord.proof.notes import NoteSigner

STATES = ("US-UT", "US-VT", "US-MD")
LIST_SIZE = 20
DATA = ROOT / ".cache" / "load_tests" / "search"
_POLICY = ROOT / "policies" / STATE
_CLIENTS = 4
_PATIENCE_SECONDS = 600.0
_POLL_SECONDS = 0.5
_ENDS = ("live", "rejected")


def prepare(installation: Installation, models: Path, records: int) -> None:
    """The galleries open and filled; what a folder holds already is kept."""
    (card,) = (c for c in ModelRepository(models).cards() if c.role is ModelRole.EMBEDDER)
    if not set(STATES) <= set(live_records(installation)):
        open_galleries(installation, card.model_id, LIST_SIZE)
    took = fill(installation, photographs(data_folder(), "gallery", "probe_unmated"), records)
    print(f"galleries filled in {took:.0f} s: {live_records(installation)}", flush=True)


def searched_everywhere(made: Search) -> bool:
    return all(made.gallery(state).status is GalleryStatus.SEARCHED for state in STATES)


def open_galleries(installation: Installation, model_id: str, list_size: int) -> None:
    """A gallery for each of `STATES`, its policy in force, and examiners at hand."""
    for state in STATES:
        signer = NoteSigner.generate(key_name(state))
        with installation.client(OPERATOR) as operator:
            operator.create_gallery(state, model_id=model_id, authority_key=signer.verifier.text)
        with installation.client(custodian(state)) as client:
            client.activate_policy(state, signed_policy(state, signer, list_size).to_json())
    for examiner in EXAMINERS:
        with installation.client(examiner) as client:
            client.join_examiners()


def live_records(installation: Installation) -> dict[str, int]:
    """How many records may be found in each gallery."""
    with installation.client(OPERATOR) as operator:
        return {one.gallery: one.live_records for one in operator.galleries()}


def fill(installation: Installation, pictures: list[Photograph], records: int) -> float:
    """Enrol until each gallery holds at least `records` live ones. Returns the seconds it took.

    What a photograph is refused for is made up for by the next: as many are sent as are missing,
    and no more before each of them has ended.
    """
    began = time.monotonic()
    for state in STATES:
        source = under_many_ids(pictures)
        while (missing := records - live_records(installation).get(state, 0)) > 0:
            fresh = ((f"{time.time_ns():x}-{name}", one) for name, one in islice(source, missing))
            _send(installation, state, fresh)
            print(f"  {state}: {live_records(installation)[state]} live", flush=True)
    return time.monotonic() - began


def signed_policy(state: str, signer: NoteSigner, list_size: int) -> AuthorityBundle:
    authority = (_POLICY / "authority.yaml").read_text("utf-8")
    authority = re.sub(r"^jurisdiction: .*$", f"jurisdiction: {state}", authority, flags=re.M)
    authority = re.sub(r"(per_\w+): \d+", r"\1: 10000000", authority)
    authority = re.sub(r"list_size: \d+", f"list_size: {list_size}", authority)
    policy = (_POLICY / "policy.cedar").read_text("utf-8").replace(f'"{STATE}"', f'"{state}"')
    return build_bundle(
        policy.encode(),
        authority.encode(),
        jurisdiction=state,
        version=1,
        previous="",
        signer=signer,
    )


def _send(
    installation: Installation, state: str, portraits: Iterator[tuple[str, Photograph]]
) -> None:
    """All of them on their way at once; returns when each is live or rejected."""
    token = custodian(state).tokens(installation.issuer)
    gallery = f"{installation.address}/v1/galleries/{state}"

    def ask(method: str, path: str, **given: Any) -> Any:
        while True:
            headers = {"Authorization": f"Bearer {token()}"}
            answer = http.request(method, f"{gallery}/{path}", headers=headers, **given)
            if answer.status_code not in (429, 503):
                break
            time.sleep(float(answer.headers.get("Retry-After", "1")))
        if not answer.is_success:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def begin(portrait: tuple[str, Photograph]) -> str:
        record_id, photograph = portrait
        files = {"portrait": ("portrait", photograph.path.read_bytes())}
        return str(ask("PUT", f"records/{record_id}", files=files)["enrolment_id"])

    with httpx.Client(timeout=120) as http, ThreadPoolExecutor(_CLIENTS) as pool:
        for enrolment_id in list(pool.map(begin, portraits)):
            until = time.monotonic() + _PATIENCE_SECONDS
            while ask("GET", f"enrolments/{enrolment_id}")["status"] not in _ENDS:
                if time.monotonic() > until:
                    raise RuntimeError(f"the enrolment {enrolment_id} does not end")
                time.sleep(_POLL_SECONDS)
