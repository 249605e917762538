"""Three states with their law and their galleries, and the casework that tests do on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onrecord.chassis.inference import ModelRepository
from onrecord.client import Decision, OnRecordClient, Search, Task
from onrecord.kernel.cards import ModelRole
from onrecord.kernel.vocabulary import Conclusion, SearchStatus
from onrecord.proof.authority import build_bundle, key_name
from onrecord.proof.notes import NoteSigner
from tests.builders import e2e_people as people
from tests.builders.e2e_ledger import LedgerView
from tests.builders.e2e_people import Person
from tests.builders.e2e_photographs import Sitter, sitters
from tests.builders.e2e_server import Installation

UTAH, VERMONT, MARYLAND = "US-UT", "US-VT", "US-MD"
STATES = (UTAH, VERMONT, MARYLAND)
METHOD = "morphological comparison"
_POLICIES = Path(__file__).resolve().parents[2] / "policies"

Judge = Callable[[str, bytes], Conclusion]
"""What an examiner concludes about a candidate (its ref) on seeing the portrait (encoded)."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """An examiner who was drawn, and their task."""

    who: Person
    task: Task


@dataclass(slots=True)
class Scene:
    """An installation in which states have enrolled people, and examiners are on duty."""

    installation: Installation
    enrolled: list[Sitter]
    examiners: list[Person]
    ledger: LedgerView
    _seen: set[str] = field(default_factory=set)

    def client(self, who: Person) -> OnRecordClient:
        return people.client(self.installation, who)

    def record_id(self, sitter: Sitter) -> str:
        return record_id(UTAH, sitter)

    def search(
        self, probe: bytes, *, by: Person | None = None, key: str = "", **request: Any
    ) -> Search:
        """One search by an investigator, somebody new unless said.

        Whoever was drawn may look at once: the ledger takes a look only when it has the receipts
        of the search, which come over the bus, and a test is there sooner than any examiner.
        """
        with self.client(by or people.investigator()) as client:
            found = client.search(
                people.request(**request), probe, idempotency_key=key or people.fresh_key()
            )
        if found.status in (SearchStatus.SEALED, SearchStatus.EXAMINING):
            self.ledger.of_search(found.search_id)
        return found

    def drawn(self) -> list[Drawn]:
        """Who was drawn since this was last asked."""
        found = []
        for who in self.examiners:
            with self.client(who) as client:
                for summary in client.tasks():
                    if summary.task_id not in self._seen:
                        self._seen.add(summary.task_id)
                        found.append(Drawn(who, client.task(summary.task_id)))
        return found

    def look(self, drawn: Drawn) -> dict[str, bytes]:
        """The probe, and every candidate's portrait, one look at a time. The portraits."""
        with self.client(drawn.who) as client:
            client.probe(drawn.task.task_id)
            return {
                ref: client.portrait(drawn.task.task_id, ref) for ref in drawn.task.candidate_refs
            }

    def decide(
        self, drawn: Drawn, conclusions: Sequence[Conclusion], *, looks: bool = True
    ) -> int | None:
        """Decide on the candidates as they stand in the task, having looked at each of them.

        The entry's index.
        """
        if looks:
            self.look(drawn)
        decisions = [
            Decision(ref, conclusion, ("nose and brow",), 30)
            for ref, conclusion in zip(drawn.task.candidate_refs, conclusions, strict=True)
        ]
        with self.client(drawn.who) as client:
            return client.decide(drawn.task.task_id, METHOD, decisions).entry_index

    def examine(self, drawn: Drawn, judge: Judge) -> None:
        """Look at the probe and at every candidate, then decide."""
        seen = self.look(drawn)
        conclusions = [judge(ref, seen[ref]) for ref in drawn.task.candidate_refs]
        self.decide(drawn, conclusions, looks=False)


def judge_by(portrait: bytes) -> Judge:
    """An examiner who knows whom the probe shows."""

    def judge(_: str, seen: bytes) -> Conclusion:
        same = seen == portrait
        return Conclusion.SUPPORTS_SAME if same else Conclusion.SUPPORTS_DIFFERENT

    return judge


def record_id(gallery: str, sitter: Sitter) -> str:
    """Long and unlike anything else, so that it is found wherever it leaks."""
    return f"{gallery[3:]}-LICENCE-{sitter.name}"


def build_scene(
    installation: Installation,
    models: Path,
    *,
    enrolled: int,
    examiners: int,
    galleries: Sequence[str] = STATES,
) -> Scene:
    """Sign each state's example policy, enrol `enrolled` people in Utah and one in each other
    state, and let `examiners` people enter the pool.
    """
    model_id = embedder(models)
    drawn_from = sitters(enrolled + len(galleries) - 1)
    for gallery in galleries:
        _open_gallery(installation, gallery, model_id)
    for gallery, sitter in zip(galleries[1:], drawn_from[enrolled:], strict=True):
        enrol(installation, gallery, [sitter])
    enrol(installation, UTAH, drawn_from[:enrolled])
    on_duty = [people.examiner(f"{number}") for number in range(examiners)]
    scene = Scene(installation, drawn_from[:enrolled], on_duty, LedgerView(installation))
    for who in on_duty:
        with scene.client(who) as client:
            client.join_examiners()
    return scene


def enrol(installation: Installation, gallery: str, whom: Sequence[Sitter]) -> None:
    with people.client(installation, people.custodian(gallery)) as client:
        for sitter in whom:
            client.enrol(gallery, record_id(gallery, sitter), sitter.portrait)


def _open_gallery(installation: Installation, gallery: str, model_id: str) -> None:
    folder = _POLICIES / gallery
    open_gallery(
        installation,
        gallery,
        model_id,
        (folder / "policy.cedar").read_text("utf-8"),
        (folder / "authority.yaml").read_text("utf-8"),
    )


def open_gallery_like(installation: Installation, gallery: str, other: str, models: Path) -> None:
    """A gallery whose state says, in its own name, what another state's example says."""
    policy, authority = (
        (_POLICIES / other / name).read_text("utf-8").replace(other, gallery)
        for name in ("policy.cedar", "authority.yaml")
    )
    open_gallery(installation, gallery, embedder(models), policy, authority)


def open_gallery(
    installation: Installation, gallery: str, model_id: str, policy: str, authority: str
) -> None:
    """A new gallery, and its state's first policy, signed with a key of its own."""
    signer = NoteSigner.generate(key_name(gallery))
    with people.client(installation, people.OPERATOR) as operator:
        operator.create_gallery(gallery, model_id=model_id, authority_key=signer.verifier.text)
    bundle = build_bundle(
        policy.encode(),
        authority.encode(),
        jurisdiction=gallery,
        version=1,
        previous="",
        signer=signer,
    )
    with people.client(installation, people.custodian(gallery)) as custodian:
        custodian.activate_policy(gallery, bundle.to_json())


def embedder(models: Path) -> str:
    """The id of a repository's embedder."""
    cards = ModelRepository(models).cards()
    return next(card.model_id for card in cards if card.role is ModelRole.EMBEDDER)
