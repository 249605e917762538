"""What nobody may see: in answers, in the data folder, in the log."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from onrecord.client import Search
from onrecord.kernel.vocabulary import Conclusion, Role, SearchStatus
from tests.builders import e2e_people as people
from tests.builders.e2e_forms import ON_CLUSTER
from tests.builders.e2e_kept import POSTGRES, files_of, sealed
from tests.builders.e2e_people import Person
from tests.builders.e2e_photographs import Sitter
from tests.builders.e2e_scene import STATES, UTAH, Drawn, Scene, judge_by
from tests.builders.e2e_server import Serving, said

NARRATIVE = "A heliotrope umbrella was left at the scene by somebody."


@dataclass(frozen=True, slots=True)
class Case:
    """A search that has been through everything, and one that ended without a lead."""

    requester: Person
    sought: Sitter
    probe: bytes
    lost_probe: bytes
    released: Search
    no_lead: Search
    lost_keys: tuple[bytes, ...]
    drawn: tuple[Drawn, ...]
    before_release: list[httpx.Response]
    examiners_saw: list[httpx.Response]


@pytest.fixture(scope="module")
def case(scene: Scene, server: Serving) -> Case:
    who, sought = people.investigator(), scene.enrolled[8]
    probe, lost_probe = sought.probe(), sought.probe(1)
    scene.drawn()
    search = scene.search(probe, by=who, galleries=list(STATES), narrative=NARRATIVE)
    drawn = tuple(scene.drawn())
    before = what_a_requester_may_ask(scene, who, search, drawn)
    saw = [answer for one in drawn for answer in what_an_examiner_is_shown(scene, one)]
    for one in drawn:
        scene.examine(one, judge_by(sought.portrait))

    no_lead = scene.search(lost_probe, by=who, narrative=NARRATIVE)
    keys = tuple(part for part in sealed(server, no_lead.search_id)[0] if part is not None)
    assert leaks(server, keys[0]), "while it is needed, it is there"
    for one in scene.drawn():
        scene.examine(one, lambda *_: Conclusion.SUPPORTS_DIFFERENT)
    with scene.client(who) as client:
        assert client.get_search(search.search_id).status is SearchStatus.RELEASED
        assert client.leads(search.search_id).leads[0].record_id == scene.record_id(sought)
        assert client.get_search(no_lead.search_id).status is SearchStatus.NO_LEAD
    return Case(who, sought, probe, lost_probe, search, no_lead, keys, drawn, before, saw)


def get(scene: Scene, who: Person, path: str) -> httpx.Response:
    token = people.token(scene.installation.issuer, who)
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{scene.installation.address}{path}", headers=headers, timeout=60)


def what_a_requester_may_ask(
    scene: Scene, who: Person, search: Search, drawn: tuple[Drawn, ...]
) -> list[httpx.Response]:
    """Everything that could show a candidate, asked for by the investigator before the release;
    also by one who is an examiner too, but not of this search.
    """
    one = drawn[0].task
    paths = [
        f"/v1/searches/{search.search_id}",
        "/v1/searches",
        f"/v1/searches/{search.search_id}/leads",
        "/v1/tasks",
        f"/v1/tasks/{one.task_id}",
        f"/v1/tasks/{one.task_id}/probe",
        f"/v1/tasks/{one.task_id}/candidates/{one.candidate_refs[0]}/portrait",
        "/v1/ledger/bodies",
    ]
    return [get(scene, asking, path) for asking in (who, who.also(Role.EXAMINER)) for path in paths]


def what_an_examiner_is_shown(scene: Scene, drawn: Drawn) -> list[httpx.Response]:
    task = drawn.task
    paths = [
        "/v1/tasks",
        f"/v1/tasks/{task.task_id}",
        f"/v1/tasks/{task.task_id}/probe",
        *(f"/v1/tasks/{task.task_id}/candidates/{ref}/portrait" for ref in task.candidate_refs),
    ]
    answers = [get(scene, drawn.who, path) for path in paths]
    assert all(one.status_code == 200 for one in answers)
    return answers


def test_a_requester_sees_no_candidate_before_the_release(case: Case) -> None:
    """Law 6, R-15: neither a list, nor a reference, nor a picture."""
    refs = case.drawn[0].task.candidate_refs
    shown = [one for one in case.before_release if one.status_code == 200]
    assert {one.status_code for one in case.before_release} == {200, 403, 409}
    assert [one.url.path for one in shown if "task" in one.url.path] == ["/v1/tasks"]
    for answer in case.before_release:
        assert not answer.headers["content-type"].startswith("image/")
        assert not any(ref in answer.text for ref in refs)
        assert "similarity" not in answer.text
        assert "LICENCE" not in answer.text


def test_an_examiner_sees_no_score_and_no_name(scene: Scene, case: Case) -> None:
    """R-15: two names of fields and a status, in an order that says nothing; pictures."""
    for answer in case.examiners_saw:
        if answer.headers["content-type"].startswith("image/"):
            headers = " ".join(f"{name}: {value}" for name, value in answer.headers.items())
            assert "LICENCE" not in headers
            assert answer.headers["cache-control"] == "no-store"
        elif answer.url.path == "/v1/tasks":
            assert all(set(one) == {"task_id", "status"} for one in answer.json()["tasks"])
        else:
            shown: dict[str, Any] = answer.json()
            assert set(shown) == {"task_id", "status", "candidates"}
            assert all(set(one) == {"candidate_ref"} for one in shown["candidates"])
        if answer.headers["content-type"] == "application/json":
            assert case.released.search_id not in answer.text
            assert case.requester.person not in answer.text
    # Were the order that of the receipt, both would see it alike.
    (executed,) = [
        one
        for one in scene.ledger.of_search(case.released.search_id)
        if one.kind == "search.executed"
    ]
    ranked = [one["ref"] for one in executed.body["receipt"]["candidates"]]
    orders = [list(one.task.candidate_refs) for one in case.drawn]
    assert all(sorted(order) == sorted(ranked) for order in orders)
    assert orders[0] != orders[1]
    assert ranked not in orders


def written(secret: bytes) -> list[bytes]:
    """How a secret would look in a file: itself, in hexadecimal, in base64 however aligned."""
    found = [secret, secret.hex().encode()]
    for skipped in range(3):
        aligned = secret[skipped : skipped + (len(secret) - skipped) // 3 * 3]
        found.append(base64.b64encode(aligned))
    return found


def leaks(server: Serving, secret: bytes) -> set[str]:
    """Where a secret is found."""
    forms = written(secret)
    return {name for name, held in files_of(server) if any(form in held for form in forms)}


def test_no_photograph_lies_readable(scene: Scene, server: Serving, case: Case) -> None:
    """Law 6, R-29, R-30: neither a portrait, nor a probe, whatever became of its search."""
    assert leaks(server, b"BEGIN CERTIFICATE")  # what is there, is found
    pictures = [case.probe, case.lost_probe, *(one.portrait for one in scene.enrolled)]
    for picture in pictures:
        middle = len(picture) // 2
        assert leaks(server, picture[middle : middle + 48]) == set()


def test_record_ids_stay_in_the_plane(scene: Scene, server: Serving) -> None:
    """Law 6, R-26, R-31: the state's own number is in its plane's roster (and index) alone: not
    in casework, not in the ledger, public or private, not on the bus, not in a log; where there
    are two planes, not in the other.
    """
    found = {
        name
        for sitter in scene.enrolled
        for name in leaks(server, scene.record_id(sitter).encode())
    }
    if ON_CLUSTER:
        # One server holds every database here, and one journal stands for all of them.
        theirs = f"{POSTGRES}/roster_utah/"
        assert any(name.startswith(theirs) for name in found)
        allowed = (theirs, f"{POSTGRES}/cluster/pg_wal/", "parts/milvus/")
        assert all(name.startswith(allowed) for name in found), found
        return
    planes = server.data / "planes"
    held_in = "planes/utah/" if planes.exists() else ""
    assert any(name.startswith(f"{held_in}roster.db") for name in found)
    assert all(name.startswith(held_in) for name in found), found
    within = {name.removeprefix(held_in) for name in found}
    assert {name.split("/")[0].split(".db")[0] for name in within} <= {"roster", "milvus"}


def test_the_log_names_nobody(scene: Scene, server: Serving, case: Case) -> None:
    """R-43: no person, no case, no narrative, no token."""
    logged = said(server)
    assert case.requester.person not in logged
    assert case.drawn[0].who.person not in logged
    assert case.released.case_number not in logged
    assert NARRATIVE not in logged
    assert "Bearer" not in logged
    assert "eyJ" not in logged
    assert "Traceback" not in logged


def test_no_lead_leaves_nothing_to_read(server: Serving, case: Case) -> None:
    """R-29: without a lead probe, candidates and orders are gone with their key; with one they
    are kept, sealed, for what speaks against it must not be destroyed.
    """
    held = sealed(server, case.no_lead.search_id)
    assert held == [(None, None, None), (None,), (None,)]
    wrapped_key, *_ = case.lost_keys
    # PostgreSQL's journal and free space keep it, wrapped, until they are written over.
    lingers = {name for name in leaks(server, wrapped_key) if not name.startswith(POSTGRES)}
    assert lingers == set(), "a destroyed key lingers"
    (search, *orders) = sealed(server, case.released.search_id)
    assert all(part for part in search)
    assert len(orders) == 2
    assert case.probe not in search


def test_the_ledger_speaks_of_people_who_act_and_of_no_one_else(scene: Scene, case: Case) -> None:
    """R-26, R-31: bodies name requesters and examiners; candidates stand by random references."""
    for entry in scene.ledger.entries():
        text = str(entry.body)
        assert "LICENCE" not in text
        assert not any(sitter.name in text for sitter in scene.enrolled)
    gallery = [
        one
        for one in scene.ledger.entries()
        if one.kind == "gallery.enrolled" and one.body["gallery"] == UTAH
    ]
    assert len(gallery) >= len(scene.enrolled)


def test_secrets_are_for_their_owner_alone(server: Serving) -> None:
    """R-30: keys cannot be read by other accounts of the machine, nor settings, which may hold
    passwords; nor anything else, for the folder itself is closed to them.
    """
    names = {"keys", "identity", "certificates"}
    secrets = [
        path
        for path in server.data.rglob("*")
        if path.is_file() and (names & set(path.parts) or path.suffix == ".toml")
    ]
    assert len(secrets) >= 5
    assert [path for path in secrets if mode(path) & 0o077] == []
    assert mode(server.data) & 0o077 == 0


def mode(path: Path) -> int:
    return path.stat().st_mode
