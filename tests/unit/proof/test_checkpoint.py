"""R-20: checkpoints and cosignatures as other implementations write and read them."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.checkpoint import (
    Checkpoint,
    cosign,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
)
from onrecord.proof.notes import COSIGNATURE_V1, NoteSigner, cosigned_message, sign_note

ROOT = bytes.fromhex("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")
LOG = NoteSigner("example.org/onrecord", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
WITNESS = NoteSigner(
    "witness.example/w1",
    Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64))),
    COSIGNATURE_V1,
)
CHECKPOINT = Checkpoint(LOG.name, 8, ROOT)
# Written by Go with the same two keys: golang.org/x/mod v0.33.0 sumdb/note for the log,
# github.com/transparency-dev/formats v0.0.0-20251017110053-404c0d5b696c note for the witness.
GO_NOTE = (
    "example.org/onrecord\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n"
    "— example.org/onrecord JoZw4bqrfECJ3ouAVjacCr/pwH4OXdCPJd7aq0FPUoKBUZqIZS37+DrJRb1sUwpL"
    "l4UIcFXnzT10KswgmiBoaMcoAwE=\n"
    "— witness.example/w1 IDJKvgAAAABrA+L5DjM7I1tOVWdhVxgoFUXAuVZuVFi+4tnl7lZ4Vr2+IyGs3n0ANcQA"
    "IKJtIopSymZ/3VyGpiYl3cVLSoyy4XAHDw==\n"
)
GO_TIME = datetime.fromtimestamp(0x6B03E2F9, UTC)


def test_a_checkpoint_is_signed_and_cosigned_as_go_does_to_the_byte() -> None:
    assert cosign(sign_checkpoint(CHECKPOINT, LOG), WITNESS, GO_TIME) == GO_NOTE


def test_gos_checkpoint_opens_with_its_witness() -> None:
    opened = open_checkpoint(GO_NOTE, LOG.verifier, [WITNESS.verifier])
    assert opened.checkpoint == CHECKPOINT
    assert opened.witnessed_by == (WITNESS.name,)
    assert opened.note == GO_NOTE


def test_a_witness_one_does_not_know_vouches_for_nothing() -> None:
    assert open_checkpoint(GO_NOTE, LOG.verifier).witnessed_by == ()
    stranger = NoteSigner.generate(WITNESS.name, COSIGNATURE_V1)
    assert open_checkpoint(GO_NOTE, LOG.verifier, [stranger.verifier]).witnessed_by == ()


def test_a_witness_alone_is_not_enough() -> None:
    text = CHECKPOINT.text()
    unsigned = cosign(sign_note(text, [NoteSigner.generate("x")]), WITNESS, GO_TIME)
    code = _code(lambda: open_checkpoint(unsigned, LOG.verifier, [WITNESS.verifier]))
    assert code is ErrorCode.SIGNATURE_INVALID


def test_a_cosignature_holds_for_its_time_only() -> None:
    """The timestamp stands in front of the signature and is signed with it."""
    line = GO_NOTE.splitlines()[-1]
    moved = line.replace("IDJKvgAAAABrA+L5", "IDJKvgAAAABrA+L6")
    assert moved != line
    code = _code(
        lambda: open_checkpoint(GO_NOTE.replace(line, moved), LOG.verifier, [WITNESS.verifier])
    )
    assert code is ErrorCode.SIGNATURE_INVALID


def test_a_time_beyond_what_the_specification_allows_is_refused_though_signed() -> None:
    for time, holds in ((2**63 - 1, True), (2**63, False)):
        signature = WITNESS.private.sign(cosigned_message(CHECKPOINT.text(), time))
        line = WITNESS.line(time.to_bytes(8, "big") + signature)
        note = sign_checkpoint(CHECKPOINT, LOG) + line
        if holds:
            assert open_checkpoint(note, LOG.verifier, [WITNESS.verifier]).witnessed_by
            continue
        code = _code(lambda note=note: open_checkpoint(note, LOG.verifier, [WITNESS.verifier]))  # type: ignore[misc]
        assert code is ErrorCode.SIGNATURE_INVALID


def test_a_cosignature_cannot_be_moved_to_another_checkpoint() -> None:
    line = GO_NOTE.splitlines()[-1] + "\n"
    other = sign_checkpoint(Checkpoint(LOG.name, 9, ROOT), LOG) + line
    code = _code(lambda: open_checkpoint(other, LOG.verifier, [WITNESS.verifier]))
    assert code is ErrorCode.SIGNATURE_INVALID


def test_a_checkpoint_of_another_log_is_refused_though_the_key_signed_it() -> None:
    text = Checkpoint("example.org/other", 8, ROOT).text()
    code = _code(lambda: open_checkpoint(sign_note(text, [LOG]), LOG.verifier))
    assert code is ErrorCode.PROOF_INVALID


def test_an_ordinary_note_of_the_log_is_not_a_checkpoint() -> None:
    code = _code(lambda: open_checkpoint(sign_note("hello\n", [LOG]), LOG.verifier))
    assert code is ErrorCode.PROOF_INVALID


@pytest.mark.parametrize("size", [0, 1, 2**63 - 1])
def test_what_is_written_is_read(size: int) -> None:
    written = Checkpoint("a", size, ROOT)
    assert parse_checkpoint(written.text()) == written


_ROOT_TEXT = "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg="


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"a\n8\n{_ROOT_TEXT}",
        f"a\n8\n{_ROOT_TEXT}\nextension\n",
        f"a\n8\n{_ROOT_TEXT}\n\n",
        f"\n8\n{_ROOT_TEXT}\n",
        f"a\n08\n{_ROOT_TEXT}\n",
        f"a\n-1\n{_ROOT_TEXT}\n",
        f"a\n+8\n{_ROOT_TEXT}\n",
        f"a\n 8\n{_ROOT_TEXT}\n",
        f"a\n٨\n{_ROOT_TEXT}\n",
        f"a\n1_0\n{_ROOT_TEXT}\n",
        f"a\n\n{_ROOT_TEXT}\n",
        f"a\n{2**63}\n{_ROOT_TEXT}\n",
        f"a\n{'9' * 5000}\n{_ROOT_TEXT}\n",
        "a\n8\n\n",
        "a\n8\nAAAA\n",
        f"a\n8\n{_ROOT_TEXT.replace('yg=', 'yh=')}\n",
        f"a\n8\n{_ROOT_TEXT[:-1]}\n",
        f"a\n8\n {_ROOT_TEXT}\n",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_any_other_text_is_not_a_checkpoint(text: str) -> None:
    assert _code(lambda: parse_checkpoint(text)) is ErrorCode.PROOF_INVALID


def test_keys_of_the_wrong_kind_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="0x04"):
        open_checkpoint(GO_NOTE, LOG.verifier, [LOG.verifier])
    with pytest.raises(ValueError, match="0x01"):
        open_checkpoint(GO_NOTE, WITNESS.verifier)
    with pytest.raises(ValueError, match="0x04"):
        cosign(GO_NOTE, LOG, GO_TIME)
    with pytest.raises(ValueError, match="zone"):
        cosign(GO_NOTE, WITNESS, datetime(2026, 11, 23))
    with pytest.raises(ValueError, match="cannot sign for"):
        sign_checkpoint(Checkpoint("another", 1, ROOT), LOG)


def _code(act: Callable[[], object]) -> ErrorCode:
    with pytest.raises(OnRecordError) as refused:
        act()
    return refused.value.code
