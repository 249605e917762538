"""What is remembered of verifications: by all of the content, and not without end."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from onrecord.proof.notes import NoteSigner, NoteVerifier
from onrecord.proof.verified import Verified, digest_of


def test_the_least_recently_met_is_forgotten_first() -> None:
    held = Verified(3)
    for number in range(3):
        held.add(bytes([number]))
    assert held.knows(bytes([0]))
    held.add(bytes([3]))
    assert [held.knows(bytes([number])) for number in range(4)] == [True, False, True, True]


def test_what_is_added_again_was_met_again() -> None:
    held = Verified(3)
    for number in (0, 1, 2, 0, 3):
        held.add(bytes([number]))
    assert [held.knows(bytes([number])) for number in range(4)] == [True, False, True, True]


def test_threads_that_add_and_ask_never_hold_more_than_the_limit() -> None:
    held = Verified(10)

    def work(start: int) -> None:
        for number in range(start, start + 500):
            held.add(number.to_bytes(4, "big"))
            held.knows(number.to_bytes(4, "big"))

    threads = [threading.Thread(target=work, args=(start * 250,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(held.knows(number.to_bytes(4, "big")) for number in range(2000)) == 10


@given(st.lists(st.binary(max_size=4)), st.lists(st.binary(max_size=4)))
def test_two_lists_of_parts_have_one_digest_only_where_they_are_one(
    one: list[bytes], other: list[bytes]
) -> None:
    assert (digest_of(*one) == digest_of(*other)) == (one == other)


def test_a_note_signature_that_was_seen_is_good_for_its_own_text_and_key_only() -> None:
    signer, stranger = NoteSigner.generate("a"), NoteSigner.generate("a")
    signature = signer.private.sign(b"text\n")
    for _ in range(2):
        assert signer.verifier.verifies("text\n", signature)
    assert not signer.verifier.verifies("other\n", signature)
    assert not stranger.verifier.verifies("text\n", signature)
    assert not signer.verifier.verifies("text\n", stranger.private.sign(b"text\n"))
    assert NoteVerifier("b", signer.verifier.public_key).verifies("text\n", signature)
