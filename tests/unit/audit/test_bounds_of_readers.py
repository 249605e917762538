"""Law 5: the readers of what states sign, at their bounds, and the line they name."""

import sys
import unicodedata

import pytest
import yaml

from onrecord.audit.core.cedar_bounds import check_bounds
from onrecord.audit.core.plain_text import MAX_BYTES, read_plain
from onrecord.audit.core.strict_yaml import read_yaml
from onrecord.kernel.errors import ErrorCode, OnRecordError


def refusal_of(data: bytes | str, name: str = "a file") -> str:
    raw = data.encode() if isinstance(data, str) else data
    with pytest.raises(OnRecordError) as caught:
        read_plain(raw, name)
    assert caught.value.code is ErrorCode.POLICY_INVALID
    return caught.value.message


# One character of each kind that a reader does not see, or sees as a blank.
INVISIBLE = {
    "Cc": "\u0086",
    "Cf": "\u200b",
    "Cn": "\u0378",
    "Co": "\ue000",
    "Zl": "\u2028",
    "Zp": "\u2029",
    "Zs": "\u1680",
    "Me": "\u20dd",
}


@pytest.mark.parametrize("kind", INVISIBLE)
def test_no_kind_of_invisible_character_is_let_through(kind: str) -> None:
    character = INVISIBLE[kind]
    assert unicodedata.category(character) == kind
    for text in (f"ab\ncd{character}", f"{character}ab"):
        line = 2 if "\n" in text else 1
        assert refusal_of(text) == (
            f"a file is refused: it holds U+{ord(character):04X}, which is invisible, or looks "
            f"like a plain space (line {line})"
        )


@pytest.mark.parametrize(
    ("character", "why"),
    [
        ("\\", "a backslash: an escape reads otherwise than it parses"),
        ("\x00", "which is invisible, or looks like a plain space"),
        ("\x1f", "which is invisible, or looks like a plain space"),
        ("\r", "which is invisible, or looks like a plain space"),
        ("\x7f", "which is invisible, or looks like a plain space"),
        ("\u2173", "which stands for other characters"),
        ("\u00b2", "which stands for other characters"),
        ("\u0435", "which is no Latin letter, and may look like one"),
        ("\u00df\u03b1", "which is no Latin letter, and may look like one"),
        ("\u0131", "which is no Latin letter, and may look like one"),
        ("\u0661", "which is no plain digit"),
        ("\u0323", "which changes the character before it"),
        ("\u0903", "which changes the character before it"),
    ],
)
def test_each_trick_is_named_with_its_line(character: str, why: str) -> None:
    if len(character) == 2:
        assert "U+00DF" in refusal_of(f"1\n2\n{character}")
        return
    assert refusal_of(f"1\n2\n3{character}") == (
        f"a file is refused: it holds U+{ord(character):04X}, {why} (line 3)"
    )
    assert refusal_of(character) == (
        f"a file is refused: it holds U+{ord(character):04X}, {why} (line 1)"
    )


@pytest.mark.parametrize("character", [*"\n\t ~!éÅñ§–“”€…"[:13], "\u00e9"])
def test_what_is_seen_is_let_through(character: str) -> None:
    text = f"a{character}b\n"
    assert read_plain(text.encode(), "a file") == text


def test_letters_put_together_from_parts_are_refused() -> None:
    """No character that may stand changes the one before it, so a text reads as it is encoded."""
    for point in range(sys.maxunicode + 1):
        parts = unicodedata.decomposition(chr(point)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            with pytest.raises(OnRecordError):
                read_plain(f"a{chr(int(parts[1], 16))}".encode(), "a file")
    assert refusal_of("x\ne\u0301") == (
        "a file is refused: it holds U+0301, which changes the character before it (line 2)"
    )


def test_a_file_is_read_to_its_last_byte_and_no_further() -> None:
    line = "x" * 99 + "\n"
    whole = (line * (MAX_BYTES // 100 + 1)).encode()[:MAX_BYTES]
    assert MAX_BYTES == 256 * 1024
    assert read_plain(whole, "a file") == whole.decode()
    assert refusal_of(whole + b"x") == "a file is refused: it is larger than 256 KiB"


def test_bytes_that_are_no_text_are_refused() -> None:
    assert refusal_of(b"\xff") == "a file is refused: it is not UTF-8"


@pytest.mark.parametrize("last", ["x", "é"])
def test_a_line_ends_where_a_reader_still_sees_it(last: str) -> None:
    fits = "a\n" + "x" * 499 + last + "\n"
    assert read_plain(fits.encode(), "a file") == fits
    assert refusal_of("a\n" + "x" * 500 + last) == (
        "a file is refused: the line is longer than 500 characters (line 2)"
    )


@pytest.mark.parametrize("blank", [" ", "\t"])
@pytest.mark.parametrize("first", ["x", "é"])
def test_blanks_push_nothing_out_of_sight(blank: str, first: str) -> None:
    seen = f"a\n{first}{blank * 39}y\n"
    assert read_plain(seen.encode(), "a file") == seen
    assert refusal_of(f"a\n{first}{blank * 40}y") == (
        "a file is refused: blanks push text out of sight (line 2)"
    )
    trailing = f"{first}{blank * 80}\n{blank * 80}y\n"
    assert read_plain(trailing.encode(), "a file") == trailing


# Cedar, before Cedar sees it.


def deep(pair: str, depth: int) -> str:
    return pair[0] * depth + "a" + pair[1] * depth


@pytest.mark.parametrize("pair", ["()", "[]", "{}"])
def test_how_deep_a_policy_may_be(pair: str) -> None:
    check_bounds(deep(pair, 16))
    check_bounds(f"{deep(pair, 16)} {deep(pair, 16)};\n{deep(pair, 16)}")
    with pytest.raises(OnRecordError) as caught:
        check_bounds("a;\n\n" + deep(pair, 17))
    assert caught.value.code is ErrorCode.POLICY_INVALID
    assert caught.value.message == ("policy.cedar is refused: it is nested too deeply (line 3)")


def test_no_other_word_opens_or_closes() -> None:
    check_bounds("X " * 40)
    with pytest.raises(OnRecordError):
        check_bounds("X " * 40 + deep("()", 17))
    with pytest.raises(OnRecordError, match="line 2"):
        check_bounds("\n" + deep("()", 17))


def test_how_long_a_policy_may_be() -> None:
    check_bounds("a " * 1000)
    check_bounds("\n".join(["a " * 999 + ";"] * 3))
    with pytest.raises(OnRecordError) as caught:
        check_bounds("b;\n" + "a " * 1000 + "\na")
    assert caught.value.code is ErrorCode.POLICY_INVALID
    assert caught.value.message == (
        "policy.cedar is refused: it has a policy of more than 1000 words and signs (line 3)"
    )
    with pytest.raises(OnRecordError):
        check_bounds("." * 1001)


def test_what_stands_in_texts_and_comments_is_neither_deep_nor_long() -> None:
    check_bounds('"' + "(" * 99 + '"')
    check_bounds("// " + "(" * 99 + "\n" + "// a a a\n" * 2000 + "a")
    check_bounds('"' + "a; " * 2000 + '"')
    check_bounds("a" + " \n\t" * 2000 + "b")
    # A semicolon in a text or a comment begins no new policy.
    for spacer in ('";" ', "//;\n a "):
        with pytest.raises(OnRecordError, match="words and signs"):
            check_bounds(("a " * 400 + spacer) * 3)


# YAML.


def yaml_refusal(text: str) -> str:
    with pytest.raises(OnRecordError) as caught:
        read_yaml(text.encode())
    assert caught.value.code is ErrorCode.POLICY_INVALID
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it is empty"),
        ("# nothing\n", "it is empty"),
        ("a: 1\nb: [1\n", "it is not YAML (line 3)"),
        ("a: 1\n--- \nb: 2\n", "it is not YAML (line 2)"),
        ("a: 1\nb: &x 2\n", "anchors and aliases are not allowed (line 2)"),
        ("a: 1\nb: &x [2]\n", "anchors and aliases are not allowed (line 2)"),
        ("a: 1\nb: &x {c: 2}\n", "anchors and aliases are not allowed (line 2)"),
        ("a: 1\nb: *x\n", "anchors and aliases are not allowed (line 2)"),
        ("a: 1\nb: !!str 2\n", "tags are not allowed (line 2)"),
        ("a: 1\nb: !own [2]\n", "tags are not allowed (line 2)"),
        ("a: 1\nb: !own {c: 2}\n", "tags are not allowed (line 2)"),
        ("%YAML 1.2\n---\na: 1\n", "directives are not allowed (line 1)"),
        ("%TAG ! tag:x,2026:\n---\na: 1\n", "directives are not allowed (line 1)"),
        ("a: 1\nb: 2\na: 3\n", "the key 'a' stands twice (line 3)"),
        ("a:\n  b: 1\n  b: 1\n", "the key 'b' stands twice (line 3)"),
        ("a: 1\n2: 3\n", "a key is not text (line 2)"),
        ("a: 1\ntrue: 3\n", "a key is not text (line 2)"),
        ("a: 1\n? [x]\n: 3\n", "a key is not text (line 2)"),
        ("a: 1\nb: yes\n", "the value 'yes' has several readings: put it in quotes (line 2)"),
        ("a: 1\nb:\nc: 1\n", "the value '' has several readings: put it in quotes (line 2)"),
        ("- 1\n- no\n", "the value 'no' has several readings: put it in quotes (line 2)"),
    ],
)
def test_yaml_that_is_refused_names_the_line(text: str, told: str) -> None:
    assert yaml_refusal(text) == f"authority.yaml is refused: {told}"


@pytest.mark.parametrize("error", [RecursionError(), yaml.YAMLError(), yaml.MarkedYAMLError()])
def test_whatever_the_library_does_is_a_refusal(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("onrecord.audit.core.strict_yaml.yaml.compose", fails)
    assert yaml_refusal("a: 1") == "authority.yaml is refused: it is not YAML"


def test_how_deep_yaml_may_be() -> None:
    assert read_yaml(b"[" * 12 + b"]" * 12) == [[[[[[[[[[[[]]]]]]]]]]]]
    assert yaml_refusal("[" * 13 + "]" * 13) == (
        "authority.yaml is refused: it is nested too deeply (line 1)"
    )
    beside = "\n".join(f"- {'[' * 11}{']' * 11}" for _ in range(3))
    assert len(read_yaml(beside.encode())) == 3
    assert "too deeply (line 2)" in yaml_refusal("a: 1\nb: " + "{a: " * 12 + "1" + "}" * 12)


def test_quoted_and_block_texts_are_texts_whatever_they_look_like() -> None:
    text = "a: '1'\nb: \"no\"\nc: |\n  1\nd: >-\n  true\ne: ''\n"
    assert read_yaml(text.encode()) == {"a": "1", "b": "no", "c": "1\n", "d": "true", "e": ""}


def test_lists_and_mappings_are_read_whole() -> None:
    text = "a: [1, {b: x, c: [true, null]}]\nd:\n  - e\n"
    assert read_yaml(text.encode()) == {
        "a": [1, {"b": "x", "c": [True, None]}],
        "d": ["e"],
    }
