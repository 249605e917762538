"""What people do, one use-case a scene. A scene that broke off is done again from its beginning.

Whoever is told something notes it (`Acknowledged`): the observer holds the installation to it.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from onrecord.client import ClientError, Decision
from onrecord.kernel.vocabulary import Conclusion, ManifestAct, SearchStatus
from onrecord.proof.manifests import ManifestHeader, Row, chunk_root, manifest_id, sign_manifest
from tests.builders.audit import MODEL, REQUEST
from tests.kills.acknowledged import Acknowledged
from tests.kills.installation import GALLERY, Installation
from tests.kills.services import POISON, portrait_of, probe_of

ENROLLED: Final = range(1, 5)
LISTED: Final = range(5, 8)
REPLACED, DELETED, DELETED_BY_LIST = 1, 2, 5
BAD_ROW: Final = "UT-000099"
POISONED: Final = "UT-000098"
_METHOD: Final = "morphological_analysis"
_EXAMINERS: Final = ("lee", "ray")

Scene = Callable[[Installation, Acknowledged], None]


def name_of(person: int) -> str:
    return f"UT-{person:06d}"


def found(here: Installation, told: Acknowledged) -> None:
    """A gallery is made and its policy put in force."""
    key = here.audit.state_keys[GALLERY].verifier.text
    here.operator().create_gallery(GALLERY, model_id=MODEL, authority_key=key)
    here.custodian().activate_policy(GALLERY, here.audit.bundle(GALLERY).to_json())
    for person in _EXAMINERS:
        here.examiner(person).join_examiners()
    told.note("founded")


def enrol(here: Installation, told: Acknowledged) -> None:
    """Four people, one by one, the first of them twice: a licence is issued again."""
    for person, year in [*((one, 0) for one in ENROLLED), (REPLACED, 1)]:
        said = here.as_custodian(
            "PUT",
            f"/records/{name_of(person)}",
            files={"portrait": ("portrait", portrait_of(person, year), "image/jpeg")},
        )
        told.note("accepted", enrolment_id=said["enrolment_id"], person=person)
        here.settle()


def enrol_list(here: Installation, told: Acknowledged) -> None:
    """A list that the state has signed: three people, and one image that has no face."""
    rows = [Row(name_of(one), _sha256(portrait_of(one)), f"{one}.jpg") for one in LISTED]
    rows.append(Row(BAD_ROW, _sha256(b"\xff\xd8\xffa wall"), "wall.jpg"))
    named = _bring_list(here, ManifestAct.ENROL, rows)
    images = [portrait_of(one) for one in LISTED] + [b"\xff\xd8\xffa wall"]
    here.as_custodian(
        "POST",
        f"/manifests/{named}/chunks/0/portraits",
        files={
            str(row): (f"{row}.jpg", image, "image/jpeg") for row, image in enumerate(images, 1)
        },
    )
    here.settle()
    _note_closed(here, told, named)


def search(here: Installation, told: Acknowledged) -> None:
    """One investigator, one probe of a person who is there."""
    for person in (3, 4):
        said = here.requester().search(
            {**REQUEST, "case_number": f"SLC-{person}"},
            probe_of(person),
            idempotency_key=f"search-{person}",
        )
        told.note(
            "searched",
            search_id=said.search_id,
            person=person,
            status=said.status.value,
            receipt=dict(said.receipt.document) if said.receipt else None,
        )
        here.settle()


def search_badly(here: Installation, told: Acknowledged) -> None:
    """A probe without a face, and a request that no state allows."""
    said = here.requester().search(REQUEST, b"a blank wall", idempotency_key="bad")
    told.note("searched", search_id=said.search_id, person=0, status=said.status.value)
    refused = here.requester().search(
        {**REQUEST, "purpose": "immigration_enforcement", "federal_ground": "b1"},
        probe_of(3, "refused"),
        idempotency_key="refused",
    )
    told.note("searched", search_id=refused.search_id, person=0, status=refused.status.value)
    here.settle()


def examine(here: Installation, told: Acknowledged) -> None:
    """Both examiners look at everything and decide; for the second search they see no lead."""
    for person in _EXAMINERS:
        examiner = here.examiner(person)
        for summary in examiner.tasks():
            if summary.status.value != "open":
                continue
            task = examiner.task(summary.task_id)
            try:
                probe = examiner.probe(task.task_id)
            except ClientError as error:
                # Logged before the kill; the gateway took it over from the ledger only now.
                if error.code != "task_decided":
                    raise
                continue
            told.note("looked", task_id=task.task_id, at="probe")
            sought = probe.split()[-1]
            decisions = []
            for reference in task.candidate_refs:
                seen = examiner.portrait(task.task_id, reference)
                told.note("looked", task_id=task.task_id, at=reference)
                same = seen.split()[-1] == sought and sought == b"3"
                verdict = Conclusion.SUPPORTS_SAME if same else Conclusion.SUPPORTS_DIFFERENT
                decisions.append(Decision(reference, verdict, ("ears",), 30))
            logged = examiner.decide(task.task_id, _METHOD, decisions)
            told.note("decided", task_id=task.task_id, entry=logged.entry_index)
            here.settle()


def release(here: Installation, told: Acknowledged) -> None:
    """Whoever asked sees what was released, and nothing else."""
    for mine in here.requester().searches():
        if mine.status is SearchStatus.RELEASED:
            leads = here.requester().leads(mine.search_id)
            told.note(
                "released",
                search_id=mine.search_id,
                records=[lead.record_id for lead in leads.leads],
            )
    here.settle()


def delete(here: Installation, told: Acknowledged) -> None:
    """One record, twice, and one that is just being enrolled again."""
    for _ in range(2):
        said = here.as_custodian("DELETE", f"/records/{name_of(DELETED)}")
        told.note("deleted", person=DELETED, receipt=_first_words(said))
    here.settle()


def delete_list(here: Installation, told: Acknowledged) -> None:
    """A list of deletions that the state has signed: one who is there, one who never was."""
    rows = [Row(name_of(one), "", "") for one in (DELETED_BY_LIST, 88)]
    named = _bring_list(here, ManifestAct.DELETE, rows)
    told.note("deleted", person=DELETED_BY_LIST, receipt=None)
    here.settle()
    _note_closed(here, told, named)


def rotate(here: Installation, told: Acknowledged) -> None:
    """Two days pass: transport keys are minted and destroyed, the index is compacted."""
    for _ in range(2):
        here.clock.pass_by(hours=25)
        here.maintain()
        here.as_custodian(
            "PUT",
            f"/records/{name_of(4)}",
            files={"portrait": ("portrait", portrait_of(4, here.clock.now().day), "image/jpeg")},
        )
        here.settle()
    told.note("rotated")


def stop(here: Installation, told: Acknowledged) -> None:
    """What nobody can work on: a search that fails, an enrolment that becomes a dead letter."""
    said = here.requester().search(REQUEST, POISON, idempotency_key="poison")
    told.note("searched", search_id=said.search_id, person=0, status=said.status.value)
    sent = {"portrait": ("portrait", POISON, "image/jpeg")}
    here.as_custodian("PUT", f"/records/{POISONED}", files=sent)
    here.settle()
    here.redrive_letters()
    here.settle()


def repair(here: Installation, told: Acknowledged) -> None:
    """The index has lost one vector and has one too many, and a portrait came too late."""
    here.spoil_index([one["enrolment_id"] for one in told.of("accepted") if one["person"] == 3])
    for one in told.of("accepted"):
        if one["person"] == DELETED:
            here.late_portrait(one["enrolment_id"])
    said = here.as_custodian("GET", "/check", params={"repair": "true"})
    here.settle()
    told.note("checked", **said)


SCENES: Final[Mapping[str, Scene]] = {
    "found": found,
    "enrol": enrol,
    "enrol list": enrol_list,
    "stop": stop,
    "search": search,
    "search badly": search_badly,
    "examine": examine,
    "release": release,
    "delete": delete,
    "delete list": delete_list,
    "rotate": rotate,
    "repair": repair,
}
"""In the order in which they are lived."""


def _bring_list(here: Installation, act: ManifestAct, rows: list[Row]) -> str:
    header = ManifestHeader(
        gallery=GALLERY,
        act=act,
        created=here.clock.now(),
        rows=len(rows),
        chunk_rows=100,
        chunks=(chunk_root(rows),),
    )
    encoded = header.encode()
    signature = sign_manifest(header, here.audit.state_keys[GALLERY])
    sent = {"header": base64.b64encode(encoded).decode(), "signature": signature}
    here.as_custodian("POST", "/manifests", json=sent)
    named = manifest_id(encoded)
    lines = [json.dumps([row.record_id, row.image_sha256, row.path]) for row in rows]
    here.as_custodian(
        "PUT",
        f"/manifests/{named}/chunks/0",
        content="\n".join(lines).encode(),
    )
    return named


def _note_closed(here: Installation, told: Acknowledged, named: str) -> None:
    said = here.as_custodian("GET", f"/manifests/{named}")
    told.note("chunk", manifest_id=named, chunk=said["chunks"][0])


def _first_words(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """What of a deletion's receipt never changes."""
    return {
        name: receipt[name] for name in receipt if name not in ("vectors_compacted_at", "compacted")
    }


def _sha256(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()
