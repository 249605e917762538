"""R-20: signed notes as other implementations write and read them, and nothing looser."""

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.notes import (
    COSIGNATURE_V1,
    ED25519,
    NoteSigner,
    NoteVerifier,
    open_note,
    parse_note,
    sign_note,
)

# The example of the C2SP specification (signed-note, "Verifier keys").
SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3"
    "mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# The example in the documentation of Go's golang.org/x/mod/sumdb/note, published there as such.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SIGNER = "+".join(
    ("PRIVATE", "KEY", "PeterNeumann", "c74f20a3", "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
)
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_NOTE = GO_TEXT + (
    "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng"
    "otpRZb6KE6RyyBwJnAM=\n"
)

KEY = NoteSigner("a.example/log", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = NoteSigner("b.example/log", Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))


def test_the_specifications_example_opens() -> None:
    opened = open_note(SPEC_NOTE, [NoteVerifier.parse(SPEC_KEY)])
    assert opened.text == "This is an example message.\n"
    assert [key.text for key in opened.verified] == [SPEC_KEY]
    assert opened.unverified == 0


def test_gos_key_signs_gos_note_to_the_byte() -> None:
    signer = NoteSigner.parse(GO_SIGNER)
    assert signer.text == GO_SIGNER
    assert signer.verifier.text == GO_KEY
    assert sign_note(GO_TEXT, [signer]) == GO_NOTE
    assert open_note(GO_NOTE, [NoteVerifier.parse(GO_KEY)]).text == GO_TEXT


def test_text_may_hold_empty_lines() -> None:
    text = "Ognuno sta solo\n\ned è subito sera.\n"
    assert open_note(sign_note(text, [KEY]), [KEY.verifier]).text == text


@given(st.text(st.characters(codec="utf-8", min_codepoint=32)), st.text("\nab", max_size=5))
def test_what_is_signed_is_what_opens(line: str, more: str) -> None:
    text = f"{line}\n{more}\n"
    assert open_note(sign_note(text, [KEY, OTHER]), [OTHER.verifier]).text == text


def test_signatures_of_strangers_are_counted_and_prove_nothing() -> None:
    note = sign_note("text\n", [OTHER, KEY])
    opened = open_note(note, [KEY.verifier])
    assert opened.verified == (KEY.verifier,)
    assert opened.unverified == 1
    _refused(lambda: open_note(sign_note("text\n", [OTHER]), [KEY.verifier]))
    _refused(lambda: open_note(note, []))


def test_each_stranger_is_counted_and_who_should_have_signed_is_named() -> None:
    strangers = [NoteSigner.generate(f"c.example/{n}") for n in range(3)]
    note = sign_note("text\n", [*strangers, KEY])
    assert open_note(note, [KEY.verifier]).unverified == 3
    note = sign_note("text\n", strangers)
    for known, names in (
        ([KEY.verifier, OTHER.verifier], "a.example/log, b.example/log"),
        ([], "nobody"),
    ):
        with pytest.raises(OnRecordError) as refused:
            open_note(note, known)
        assert refused.value.message == f"not signed by a known key (known: {names})"


def test_a_note_may_be_as_long_and_as_often_signed_as_the_limits_say() -> None:
    """One character and one signature more are refused."""
    assert len(parse_note("text\n\n" + _LINE * 64)[1]) == 64
    _refused(lambda: parse_note("text\n\n" + _LINE * 65))
    text = "x" * (1_000_000 - len(_LINE) - 2) + "\n"
    assert parse_note(text + "\n" + _LINE)[0] == text
    _refused(lambda: parse_note("x" + text + "\n" + _LINE))


def test_a_signature_of_a_kind_that_is_not_known_may_be_one_byte_long() -> None:
    """Four bytes are the key's id; behind them stands at least one."""
    line = f"— c.example {base64.b64encode(b'12345').decode()}\n"
    (signature,) = parse_note("text\n\n" + line)[1]
    assert (signature.name, signature.key_id, signature.signature) == ("c.example", b"1234", b"5")
    assert signature.line == line
    _refused(lambda: parse_note(f"text\n\n— c.example {base64.b64encode(b'1234').decode()}\n"))


def test_one_bad_signature_of_a_known_key_spoils_the_note() -> None:
    good = sign_note("text\n", [KEY])
    bad = sign_note("other text\n", [OTHER]).rpartition("\n\n")[2]
    _refused(lambda: open_note(good + bad, [KEY.verifier, OTHER.verifier]))
    assert open_note(good + bad, [KEY.verifier]).unverified == 1


def test_a_key_of_the_same_name_is_another_key() -> None:
    impostor = NoteSigner.generate(KEY.name)
    _refused(lambda: open_note(sign_note("text\n", [impostor]), [KEY.verifier]))


def test_a_known_key_that_signs_twice_counts_once() -> None:
    opened = open_note(sign_note("text\n", [KEY, KEY]), [KEY.verifier, KEY.verifier])
    assert opened.verified == (KEY.verifier,)


_NOTE = sign_note("first\nsecond\n", [KEY])


@pytest.mark.parametrize("at", range(len(_NOTE.encode())))
def test_no_byte_of_a_note_can_be_changed(at: int) -> None:
    """R-24."""
    for bit in (0x01, 0x20, 0x80):
        changed = bytearray(_NOTE.encode())
        changed[at] ^= bit
        try:
            text = changed.decode()
        except UnicodeDecodeError:
            continue  # a note that is not UTF-8 does not come as far as this
        with pytest.raises(OnRecordError) as refused:
            open_note(text, [KEY.verifier])
        assert refused.value.code is ErrorCode.SIGNATURE_INVALID


_LINE = _NOTE.rpartition("\n\n")[2]


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "text\n" + _LINE,
        "text\n\n" + _LINE.removesuffix("\n"),
        "text\n\n" + _LINE + "stray\n",
        "te\txt\n\n" + _LINE,
        "te\rxt\n\n" + _LINE,
        "te\x00xt\n\n" + _LINE,
        "te\ud800xt\n\n" + _LINE,
        "text\n\n" + _LINE.replace("— ", "- "),
        "text\n\n" + _LINE.replace("a.example/log", ""),
        "text\n\n" + _LINE.replace("a.example/log", "a+b"),
        "text\n\n" + _LINE.replace("a.example/log", "a\u00a0b"),
        "text\n\n— a.example/log\n",
        "text\n\n— a.example/log AAAA\n",
        "text\n\n— a.example/log !!!!\n",
        "text\n\n" + _LINE * 65,
        "x" * 1_000_001 + "\n\n" + _LINE,
    ],
    ids=lambda note: repr(note[:24]),
)
def test_what_is_not_a_note_is_refused(note: str) -> None:
    _refused(lambda: parse_note(note))


def test_a_signature_has_one_spelling() -> None:
    """The last character of base64 may carry stray bits; then two notes would say the same."""
    line = _LINE.removesuffix("=\n")
    assert line != _LINE
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    stray = alphabet[alphabet.index(line[-1]) + 1]
    _refused(lambda: parse_note("first\nsecond\n\n" + line[:-1] + stray + "=\n"))


@pytest.mark.parametrize("text", ["", "no newline", "tab\there\n", "\ud800\n"])
def test_text_that_cannot_stand_in_a_note_is_not_signed(text: str) -> None:
    _refused(lambda: sign_note(text, [KEY]))


def test_a_note_without_a_signer_is_not_made() -> None:
    with pytest.raises(ValueError, match="at least one"):
        sign_note("text\n", [])


def _vkey(material: bytes, name: str = "a", key_id: str = "00000000") -> str:
    return f"{name}+{key_id}+{base64.b64encode(material).decode()}"


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "a",
        "a+b",
        SPEC_KEY.replace("530d903a", "530d903b"),
        SPEC_KEY.replace("530d903a", "530D903A"),
        SPEC_KEY.replace("foo", "bar"),
        SPEC_KEY + "=",
        SPEC_KEY[:-4],
        _vkey(b""),
        _vkey(b"\x01" + bytes(31)),
        _vkey(b"\x01" + bytes(33)),
        _vkey(b"\x02" + bytes(32)),
        _vkey(b"\xff" + bytes(32)),
        _vkey(b"\x01" + bytes(32), name=""),
        _vkey(b"\x01" + bytes(32), name="a b"),
        "a+00000000+not base64",
    ],
)
def test_what_is_not_a_verifier_key_is_refused(vkey: str) -> None:
    _refused(lambda: NoteVerifier.parse(vkey))


@pytest.mark.parametrize(
    "text",
    ["", SPEC_KEY, KEY.text[:-4], KEY.text.replace("a.example", "c.example"), "PRIVATE+KEY+a"],
)
def test_what_is_not_a_private_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(OnRecordError) as refused:
        NoteSigner.parse(text)
    assert refused.value.code is ErrorCode.SIGNATURE_INVALID
    assert KEY.text.rpartition("+")[2][:20] not in str(refused.value)


def test_a_private_key_does_not_show_itself() -> None:
    assert KEY.text.rpartition("+")[2] not in repr(KEY)
    assert "private" not in repr(KEY)


def test_generated_keys_differ_and_survive_being_written() -> None:
    one, two = NoteSigner.generate("a.example/log"), NoteSigner.generate("a.example/log")
    assert one.verifier != two.verifier
    again = NoteSigner.parse(one.text)
    assert again.verifier == one.verifier == NoteVerifier.parse(one.verifier.text)


@pytest.mark.parametrize("algorithm", [ED25519, COSIGNATURE_V1])
def test_a_key_is_written_with_its_kind(algorithm: int) -> None:
    """A witness's key read as a log's would make its cosignatures the log's own signatures."""
    signer = NoteSigner.generate("w.example/1", algorithm)
    assert NoteSigner.parse(signer.text).algorithm == algorithm
    assert NoteVerifier.parse(signer.verifier.text) == signer.verifier


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\u2003b", "a\nb", "\ud800"])
def test_names_that_a_note_cannot_carry_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="key name"):
        NoteSigner.generate(name)


def test_kinds_of_key_are_not_mixed() -> None:
    """One key and name of two types has two ids, so neither signature passes for the other."""
    witness = NoteSigner(KEY.name, KEY.private, COSIGNATURE_V1)
    assert witness.verifier.key_id != KEY.verifier.key_id
    with pytest.raises(ValueError, match="cosign"):
        witness.sign("text\n")
    with pytest.raises(ValueError, match="unknown signature type"):
        NoteSigner("a", KEY.private, 2)
    with pytest.raises(ValueError, match="32 bytes"):
        NoteVerifier("a", bytes(31))


def _refused(act: Callable[[], object]) -> None:
    with pytest.raises(OnRecordError) as refused:
        act()
    assert refused.value.code is ErrorCode.SIGNATURE_INVALID
