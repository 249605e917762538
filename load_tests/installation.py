"""What is measured: a gateway, one state's gallery, and a law without quotas.

The state is Utah with its own example policy, but for quotas that nobody reaches and the longest
list there may be: the quotas are the law of a search, and this is a measurement. The policy is
signed here with a key minted for the occasion.
"""

import re
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import httpx

from load_tests.lfw import ROOT, Photograph
from load_tests.people import CUSTODIAN, EXAMINERS, OPERATOR, STATE, Person
from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.chassis.inference import ModelRepository
from onrecord.client import ClientError, OnRecordClient
from onrecord.kernel.cards import ModelRole
from onrecord.models.build import build_models
from onrecord.models.catalogue import SETS
from onrecord.models.triton import Profile
from onrecord.models.weights import FolderWeights
from onrecord.proof.authority import build_bundle, key_name
from onrecord.proof.notes import NoteSigner

LIST_SIZE = 50
CLIENTS = 2
_POLICY = ROOT / "policies" / STATE


def reference_models(data: Path) -> Path:
    """A model repository that holds the set `reference` and nothing else."""
    repository = ROOT / ".cache" / "load_tests" / "reference"
    repository.mkdir(parents=True, exist_ok=True)
    build_models(SETS["reference"], FolderWeights(data / "models"), repository, Profile.CPU, print)
    return repository


@dataclass(frozen=True, slots=True)
class Installation:
    """A gateway, and whoever gives people their tokens."""

    address: str
    issuer: DevelopmentIssuer

    def client(self, who: Person) -> OnRecordClient:
        http = httpx.Client(timeout=60)
        return OnRecordClient(self.address, who.tokens(self.issuer), http)


def open_gallery(installation: Installation, models: Path) -> None:
    """Utah's gallery, its key pinned, its policy in force without quotas, examiners at hand."""
    (card,) = (c for c in ModelRepository(models).cards() if c.role is ModelRole.EMBEDDER)
    signer = NoteSigner.generate(key_name(STATE))
    authority = (_POLICY / "authority.yaml").read_text("utf-8")
    authority = re.sub(r"(per_\w+): \d+", r"\1: 10000000", authority)
    authority = re.sub(r"list_size: \d+", f"list_size: {LIST_SIZE}", authority)
    bundle = build_bundle(
        (_POLICY / "policy.cedar").read_bytes(),
        authority.encode(),
        jurisdiction=STATE,
        version=1,
        previous="",
        signer=signer,
    )
    with installation.client(OPERATOR) as operator:
        operator.create_gallery(STATE, model_id=card.model_id, authority_key=signer.verifier.text)
    with installation.client(CUSTODIAN) as custodian:
        custodian.activate_policy(STATE, bundle.to_json())
    for examiner in EXAMINERS:
        with installation.client(examiner) as client:
            client.join_examiners()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A photograph that was not used, and what was said."""

    role: str
    file: str
    code: str
    message: str


@dataclass(slots=True)
class Enrolled:
    """Record ids that are live, photographs that were refused, seconds of each that was not."""

    live: set[str] = field(default_factory=set)
    refused: list[Refusal] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def enrol(
    installation: Installation,
    portraits: Iterable[tuple[str, Photograph]],
    wanted: int | None = None,
) -> Enrolled:
    """Enrol (record id, photograph) over HTTP, two at a time, until `wanted` are live."""
    done = Enrolled()
    lock = threading.Lock()

    def one(portrait: tuple[str, Photograph]) -> None:
        record_id, photograph = portrait
        began = time.perf_counter()
        try:
            client.enrol(STATE, record_id, photograph.path.read_bytes())
        except ClientError as error:
            if error.status != 422:  # 422 is a portrait refused for what it shows
                raise
            said = Refusal("gallery", photograph.name, error.code, error.message)
            with lock:
                done.refused.append(said)
            return
        took = time.perf_counter() - began
        with lock:
            done.live.add(record_id)
            done.seconds.append(took)
            if len(done.live) % 250 == 0:
                print(f"  {len(done.live)} enrolled", flush=True)

    waiting = iter(portraits)
    with installation.client(CUSTODIAN) as client, ThreadPoolExecutor(CLIENTS) as pool:
        while batch := list(islice(waiting, 100 if wanted is None else wanted - len(done.live))):
            list(pool.map(one, batch))
    return done


def under_many_ids(photographs: list[Photograph]) -> Iterator[tuple[str, Photograph]]:
    """The same photographs again and again, each time under other record ids."""
    turn = 0
    while True:
        turn += 1
        for photograph in photographs:
            yield f"{turn}-{photograph.name}", photograph
