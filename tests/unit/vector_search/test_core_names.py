"""Names under a gallery's key; lists and counts held against each other (R-23, R-26, law 9)."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import canonical
from onrecord.vector_search.core.comparing import Difference, differences
from onrecord.vector_search.core.names import (
    check_jurisdiction,
    check_record_id,
    check_sha256,
    index_key,
    is_record_id,
    is_sha256,
)
from onrecord.vector_search.core.naming import candidate_refs, record_mac, record_macs
from onrecord.vector_search.core.ranking import (
    FETCH_CEILING,
    distinct,
    first_fetch,
    next_fetch,
    rank_live,
)
from onrecord.vector_search.core.search_count import Comparison, OwnCount
from onrecord.vector_search.core.values import IndexHit, RankedRecord

KEY = bytes(range(32))


def keyed(info: bytes, text: str) -> str:
    """HKDF of RFC 5869 by its two steps, then the HMAC, with the standard library alone."""
    extracted = hmac.new(bytes(32), KEY, hashlib.sha256).digest()
    derived = hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()
    return hmac.new(derived, text.encode(), hashlib.sha256).hexdigest()


def test_a_record_is_named_by_its_id_under_the_gallerys_key() -> None:
    """What outlives the id must not give it away, and must not change with a release."""
    expected = [keyed(b"onrecord/record-mac/v1", one) for one in ("UT-1", "UT-2")]
    assert record_macs(KEY, ["UT-1", "UT-2"]) == expected
    assert record_mac(KEY, "UT-1") == expected[0]
    assert record_mac(KEY[::-1], "UT-1") != expected[0]


def test_a_candidate_is_named_by_search_and_vector_under_the_gallerys_key() -> None:
    expected = [
        keyed(b"onrecord/candidate-ref/v1", f"grant:1\n{one}")[:32] for one in ("k-1", "k-2")
    ]
    assert candidate_refs(KEY, "grant:1", iter(["k-1", "k-2"])) == expected
    assert not set(candidate_refs(KEY, "grant:2", ["k-1", "k-2"])) & set(expected)


def test_an_index_key_is_the_hash_of_all_four() -> None:
    named = canonical.encode(["US-UT", "mac", 3, "model"])
    assert index_key("US-UT", "mac", 3, "model") == hashlib.sha256(named).hexdigest()


def test_names_are_told_apart_from_what_only_looks_like_one() -> None:
    assert is_record_id("x" * 128)
    assert is_record_id("x")
    for bad in ("", "x" * 129, "a b", "a\u00a0b", "a\x7fb"):
        assert not is_record_id(bad)
    assert is_sha256("0af9" * 16)
    assert not is_sha256("0af9" * 16 + "0")


@pytest.mark.parametrize(
    ("check", "given", "code", "field"),
    [
        (check_record_id, ("a b",), ErrorCode.RECORD_ID_INVALID, "record_id"),
        (check_jurisdiction, ("Utah",), ErrorCode.JURISDICTION_UNKNOWN, "jurisdiction"),
        (check_sha256, ("x", "image"), ErrorCode.FIELD_INVALID, "image"),
    ],
    ids=["record", "gallery", "hash"],
)
def test_a_refusal_names_the_field(
    check: object, given: tuple[str, ...], code: ErrorCode, field: str
) -> None:
    assert callable(check)
    with pytest.raises(OnRecordError) as refused:
        check(*given)
    assert (refused.value.code, refused.value.field) == (code, field)


def test_good_names_pass() -> None:
    check_record_id("UT-1")
    check_jurisdiction("US-UT")
    check_sha256("0" * 64, "image")


def test_fetching_begins_with_a_few_to_spare_and_grows() -> None:
    assert first_fetch(20) == 26
    assert first_fetch(FETCH_CEILING) == FETCH_CEILING
    assert next_fetch(26) == 104
    assert next_fetch(FETCH_CEILING - 1) == FETCH_CEILING
    assert next_fetch(FETCH_CEILING) is None


def test_equals_stand_by_key_and_the_first_of_two_stays() -> None:
    hits = [IndexHit("b", 0.5), IndexHit("a", 0.5), IndexHit("c", 0.9), IndexHit("b", 0.5)]
    assert [hit.key for hit in distinct(hits)] == ["c", "a", "b"]


def test_a_ranked_record_keeps_its_enrolment_and_its_vector() -> None:
    """What the receipt names is made of the vector that was found."""
    ranked = rank_live([IndexHit("k", 0.25), IndexHit("ghost", 0.2)], {"k": "e-1"}, 5)
    assert ranked == (RankedRecord("e-1", "k", 250_000),)


@given(st.sets(st.text("abc", max_size=3)), st.sets(st.text("abc", max_size=3)))
def test_two_lists_differ_in_what_one_of_them_has(ours: set[str], theirs: set[str]) -> None:
    found = list(differences(iter(sorted(ours)), iter(sorted(theirs))))
    assert {one.key for one in found if one.ours} == ours - theirs
    assert {one.key for one in found if not one.ours} == theirs - ours
    assert [one.key for one in found] == sorted(ours ^ theirs)


def test_a_difference_says_whose_it_is() -> None:
    assert list(differences(iter(["a", "b"]), iter(["b", "c"]))) == [
        Difference("a", ours=True),
        Difference("c", ours=False),
    ]


def test_a_stranger_is_seen_however_many_searches_were_ours_before() -> None:
    """R-23: the comparison begins at the first reading, not when the plane began."""
    comparison, before, after = Comparison(), OwnCount(12, 10), OwnCount(15, 15)
    assert comparison.strangers(before, "monday", 500, before) == 0
    # Two of ours were under way at the first reading, and three have begun since.
    assert comparison.strangers(after, "monday", 505, after) == 0
    assert comparison.strangers(after, "monday", 506, after) == 1
    assert comparison.strangers(after, "monday", 506, after) == 0, "each is told of once"


def test_a_count_that_stands_still_was_not_lost() -> None:
    """Else an engine that is read twice between two searches would begin anew each time."""
    comparison, own = Comparison(), OwnCount(3, 3)
    comparison.strangers(own, "monday", 500, own)
    assert not comparison.begins_anew("monday", 500)
    assert not comparison.begins_anew("monday", 501)
    assert comparison.begins_anew("monday", 499)
    assert comparison.begins_anew("tuesday", 500)
    comparison.strangers(own, "monday", 500, own)
    assert comparison.strangers(own, "monday", 501, own) == 1
