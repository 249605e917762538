"""R-20, R-24: cosignatures are read strictly, and a quorum counts witnesses, not names."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.checkpoint import Checkpoint, cosign, cosignature, sign_checkpoint
from onrecord.proof.cosignatures import (
    Quorum,
    cosignatures_on,
    read_cosignatures,
    with_cosignatures,
)
from onrecord.proof.notes import COSIGNATURE_V1, NoteSigner, NoteVerifier

LOG = NoteSigner.generate("ledger.example/onrecord")
NOTE = sign_checkpoint(Checkpoint(LOG.name, 7, b"\x07" * 32), LOG)
TEXT = NOTE.partition("\n\n")[0] + "\n"
ONE, TWO, THREE = (NoteSigner.generate(f"w.example/{n}", COSIGNATURE_V1) for n in (1, 2, 3))
NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


def line(signer: NoteSigner, at: datetime = NOW) -> str:
    return cosign(NOTE, signer, at)[len(NOTE) :]


def test_lines_of_the_witnesses_asked_are_verified_and_others_ignored() -> None:
    lines = line(ONE) + line(THREE)
    found = read_cosignatures(TEXT, lines, [TWO.verifier, ONE.verifier])
    assert [(one.witness, one.time, one.line) for one in found] == [
        (ONE.verifier, int(NOW.timestamp()), line(ONE))
    ]
    assert cosignatures_on(NOTE + lines, [ONE.verifier]) == found
    assert cosignatures_on(NOTE, [ONE.verifier]) == ()
    assert with_cosignatures(NOTE, found) == NOTE + line(ONE)
    two = read_cosignatures(TEXT, lines, [THREE.verifier, ONE.verifier])
    assert with_cosignatures(NOTE, two) == NOTE + line(THREE) + line(ONE)


def test_of_two_by_one_witness_the_later_counts() -> None:
    early, late = line(ONE), line(ONE, NOW + timedelta(minutes=1))
    for lines in (early + late, late + early):
        (found,) = read_cosignatures(TEXT, lines, [ONE.verifier])
        assert found.line == late


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "\n",
        "text\n" + line(ONE),
        line(ONE) + "\n" + line(ONE),
        "\n" + line(ONE),
        line(ONE).removesuffix("\n"),
        line(ONE).replace("\n", "\r\n"),
        line(ONE).replace("w.example/1 ", "w.example/1  "),
        line(ONE)[:-8] + "AAAAAAA\n",
    ],
    ids=itertools.count(),  # keys are fresh, names of tests are not
)
def test_what_is_not_signature_lines_is_refused(lines: str) -> None:
    with pytest.raises(OnRecordError) as caught:
        read_cosignatures(TEXT, lines, [ONE.verifier])
    assert caught.value.code is ErrorCode.SIGNATURE_INVALID


@pytest.mark.parametrize(
    "text",
    [TEXT.replace("\n7\n", "\n8\n"), "other.example/onrecord\n" + TEXT.partition("\n")[2]],
    ids=["size", "origin"],
)
def test_a_cosignature_of_another_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(OnRecordError, match="not by its key"):
        read_cosignatures(text, line(ONE), [ONE.verifier])


def test_a_cosignature_bears_a_time() -> None:
    """tlog-witness: MUST NOT be zero. It is signed, so that it cannot be changed either."""
    with pytest.raises(OnRecordError, match="bears no time"):
        read_cosignatures(TEXT, cosignature(TEXT, ONE, 0), [ONE.verifier])
    assert read_cosignatures(TEXT, cosignature(TEXT, ONE, 1), [ONE.verifier])[0].time == 1


@pytest.mark.parametrize(
    ("signed_by", "needed", "met"),
    [
        ((ONE,), 1, True),
        ((), 1, False),
        ((THREE,), 1, False),
        ((ONE,), 2, False),
        ((ONE, ONE), 2, False),
        ((ONE, THREE), 2, False),
        ((ONE, TWO), 2, True),
    ],
)
def test_a_quorum_counts_witnesses(
    signed_by: tuple[NoteSigner, ...], needed: int, met: bool
) -> None:
    note = NOTE + "".join(line(signer) for signer in signed_by)
    covered = Quorum((ONE.verifier, TWO.verifier), needed).covers(note, LOG.verifier)
    assert (covered is not None) is met


def test_without_witnesses_nothing_is_witnessed() -> None:
    assert Quorum().covers(NOTE + line(ONE), LOG.verifier) is None


_SAME_KEY = NoteVerifier("w.example/alias", ONE.verifier.public_key, COSIGNATURE_V1)
_SAME_NAME = NoteVerifier(ONE.name, TWO.verifier.public_key, COSIGNATURE_V1)


@pytest.mark.parametrize(
    ("witnesses", "needed"),
    [
        ((ONE.verifier, _SAME_KEY), 2),
        ((ONE.verifier, _SAME_NAME), 2),
        ((ONE.verifier, ONE.verifier), 1),
        ((ONE.verifier,), 0),
        ((ONE.verifier,), 2),
        ((), 1),
        ((LOG.verifier,), 1),
    ],
)
def test_what_is_no_quorum(witnesses: tuple[NoteVerifier, ...], needed: int) -> None:
    """One key under two names would let one witness vouch twice."""
    with pytest.raises(ValueError, match=r"quorum|once|0x04"):
        Quorum(witnesses, needed)
