"""Setting the scene: people who do not exist, three states, their law and their galleries."""

import csv
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from onrecord.cli.demo import cast
from onrecord.cli.demo.house import TokenIssuer
from onrecord.cli.demo.teller import Teller
from onrecord.client import OnRecordClient
from onrecord.client.errors import ClientError
from onrecord.proof.authority import build_bundle, key_name
from onrecord.proof.notes import NoteSigner

_ENROLLERS = 2


@dataclass(frozen=True, slots=True)
class Sitter:
    """One drawn person and their licence portrait."""

    name: str
    portrait: Path


@dataclass(frozen=True, slots=True)
class Scene:
    """Who is enrolled where, and how to speak for a person."""

    address: str
    issuer: TokenIssuer
    enrolled: dict[str, list[Sitter]]

    def client(self, who: cast.Person) -> OnRecordClient:
        return OnRecordClient(self.address, cast.token_source(self.issuer, who))


def read_sitters(truth: Path) -> list[Sitter]:
    """The people of a truth table that `onrecord portraits make` wrote."""
    with truth.open(newline="", encoding="utf-8") as file:
        return [
            Sitter(row["person"], truth.parent / row["portrait"]) for row in csv.DictReader(file)
        ]


def photograph_of(truth: Path, sitter: Sitter) -> Path:
    """The investigator's photograph of one person. Raises KeyError where none was drawn."""
    with truth.open(newline="", encoding="utf-8") as file:
        probes = {row["person"]: row["probe"] for row in csv.DictReader(file)}
    return truth.parent / probes[sitter.name]


def assign(sitters: list[Sitter], per_state: int) -> dict[str, list[Sitter]]:
    """The first `per_state` hold a Utah licence, the next a Vermont one, and so on."""
    return {
        state: sitters[number * per_state : (number + 1) * per_state]
        for number, state in enumerate(cast.STATES)
    }


def set_up_states(scene: Scene, model_id: str, policies: Path, teller: Teller) -> None:
    """Pin each state's key, then let its custodian sign and activate its own policy."""
    for state, name in cast.STATES.items():
        signer = NoteSigner.generate(key_name(state))
        with scene.client(cast.OPERATOR) as operator:
            operator.create_gallery(state, model_id=model_id, authority_key=signer.verifier.text)
        bundle = build_bundle(
            (policies / state / "policy.cedar").read_bytes(),
            (policies / state / "authority.yaml").read_bytes(),
            jurisdiction=state,
            version=1,
            previous="",
            signer=signer,
        )
        with scene.client(cast.custodian(state)) as custodian:
            entry = custodian.activate_policy(state, bundle.to_json())
        teller.fact(name, f"signs its policy with its own key; ledger entry {entry.entry_index}")


def enrol_all(scene: Scene, tell: Callable[[int, int], None], teller: Teller) -> int:
    """Enrol everyone where they hold their licence. Returns how many were accepted."""
    work = [(state, one) for state, sitters in scene.enrolled.items() for one in sitters]
    done = 0
    rejected: list[str] = []
    lock = threading.Lock()
    clients = {state: scene.client(cast.custodian(state)) for state in scene.enrolled}

    def enrol(item: tuple[str, Sitter]) -> None:
        nonlocal done
        state, sitter = item
        try:
            clients[state].enrol(state, record_id(state, sitter), sitter.portrait.read_bytes())
        except ClientError as error:
            if error.status != 422:  # 422 is a portrait refused for what it shows
                raise
            with lock:
                rejected.append(f"{sitter.name} ({error.code})")
        with lock:
            done += 1
            tell(done, len(work))

    with ThreadPoolExecutor(_ENROLLERS) as pool:
        for state in scene.enrolled:  # one state after the other, so that the ledger reads well
            for future in [pool.submit(enrol, item) for item in work if item[0] == state]:
                future.result()
    for client in clients.values():
        client.close()
    if rejected:
        teller.say(f"Refused for quality, with the reason: {', '.join(rejected)}.")
    return done - len(rejected)


def record_id(state: str, sitter: Sitter) -> str:
    """The state's own opaque id; only the state can turn it into a name."""
    return f"{state[3:]}-{sitter.name[1:]}"
