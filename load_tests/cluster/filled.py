"""Galleries of three states on an installation that is measured, opened and filled once.

Keys of the states are minted for the occasion and kept beside the installation, for manifests.
"""

import uuid
from collections.abc import Sequence
from pathlib import Path

from load_tests.cluster.standing import Standing
from load_tests.galleries import LIST_SIZE, STATES, live_records, signed_policy
from load_tests.lfw import Photograph, data_folder, photographs
from load_tests.manifest_upload import enrol_manifest
from load_tests.people import EXAMINERS, OPERATOR, custodian
from onrecord.chassis.certificates import write_secret
from onrecord.chassis.inference import ModelRepository
from onrecord.kernel.cards import ModelRole
from onrecord.proof.authority import key_name
from onrecord.proof.notes import NoteSigner


def embedder(models: Path) -> str:
    """The `model_id` of the one embedder in a repository."""
    (card,) = (c for c in ModelRepository(models).cards() if c.role is ModelRole.EMBEDDER)
    return card.model_id


def fill(
    standing: Standing, models: Path, records: int, states: Sequence[str] = STATES
) -> dict[str, NoteSigner]:
    """Each gallery open, its policy in force without quotas, at least `records` live; the keys."""
    signers = {state: _signer(standing.keys, state) for state in states}
    there = live_records(standing.installation)
    for state, signer in signers.items():
        if state not in there:
            _open(standing, models, state, signer)
    if not there:
        for examiner in EXAMINERS:
            with standing.installation.client(examiner) as client:
                client.join_examiners()
    pictures = photographs(data_folder(), "gallery", "probe_unmated")
    for state, signer in signers.items():
        missing = records - there.get(state, 0)
        if missing > 0:
            # Some are refused for what they show.
            wanted = under_new_ids(pictures, missing + missing // 20 + 1)
            enrol_manifest(standing.installation, state, signer, wanted)
    print(f"  galleries: {live_records(standing.installation)}", flush=True)
    return signers


def under_new_ids(pictures: list[Photograph], count: int) -> list[tuple[str, bytes]]:
    """So many portraits under record ids that nobody has had, the pictures over and over."""
    turn = uuid.uuid4().hex[:12]
    return [
        (f"{turn}-{number}", pictures[number % len(pictures)].path.read_bytes())
        for number in range(count)
    ]


def _open(standing: Standing, models: Path, state: str, signer: NoteSigner) -> None:
    with standing.installation.client(OPERATOR) as operator:
        operator.create_gallery(
            state, model_id=embedder(models), authority_key=signer.verifier.text
        )
    with standing.installation.client(custodian(state)) as client:
        client.activate_policy(state, signed_policy(state, signer, LIST_SIZE).to_json())


def _signer(keys: Path, state: str) -> NoteSigner:
    path = keys / f"{state}.key"
    if not path.exists():
        keys.mkdir(parents=True, exist_ok=True)
        write_secret(path, NoteSigner.generate(key_name(state)).text.encode())
    return NoteSigner.parse(path.read_text("utf-8"))
