"""Law 5: a policy that parses otherwise than it reads is refused, whoever wrote it and how."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.audit.core.authority_reading import read_authority
from onrecord.audit.core.cedar_bounds import MAX_WORDS
from onrecord.audit.core.plain_text import MAX_BYTES, MAX_LINE, read_plain
from onrecord.audit.core.policy import read_policy
from onrecord.contracts.request_parsing import parse_request
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.audit import POLICIES, REQUEST
from tests.builders.laws import utah

UTAH = utah()
CEDAR = (POLICIES / "US-UT" / "policy.cedar").read_text()


def refusal(cedar: str = CEDAR, yaml: str = UTAH) -> str:
    with pytest.raises(OnRecordError) as caught:
        read_policy(cedar.encode(), yaml.encode(), "US-UT")
    assert caught.value.code is ErrorCode.POLICY_INVALID
    return caught.value.message


def replaced(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


LOOKS_ALIKE = {
    "Cyrillic es": ("us-ut-slcpd", "us-ut-sl\u0441pd"),
    "Greek omicron": ("name: Utah", "name: Utah \u03bf"),
    "dotless i": ("misdemeanor", "m\u0131sdemeanor"),
    "fullwidth colon": ("embargo_days:", "embargo_days\uff1a"),
    "mathematical letter": ("suspect", "\U0001d42cuspect"),
    "Arabic digit": ("per_case: 10", "per_case: 1\u0660"),
    "a letter and its accent apart": ("name: Utah", "name: Uta\u0301h"),
    "an accent on a digit": ("per_case: 10", "per_case: 10\u0301"),
    "small roman four": ("name: Utah", "name: Utah \u2173"),
}
UNSEEN = {
    "byte order mark": ("format:", "\ufefffomat:"),
    "zero width space": ("permitted: false", "permitted: fal\u200bse"),
    "zero width joiner": ("US-UT", "US\u200d-UT"),
    "soft hyphen": ("us-ut-dps", "us-ut-\u00addps"),
    "no-break space": ("embargo_days: 90", "embargo_days:\u00a090"),
    "next line": ("embargo_days: 90", "embargo_days: 90 # until\u0085emergency: x"),
    "line separator": ("embargo_days: 90", "embargo_days: 90 # until\u2028emergency: x"),
    "carriage return": ("embargo_days: 90", "embargo_days: 90\r"),
    "backspace": ("embargo_days: 90", "embargo_days: 900\b"),
    "delete": ("embargo_days: 90", "embargo_days: 90\x7f"),
    "right to left override": ("name: Utah", "name: \u202ehatU"),
    "isolate in a comment": ("embargo_days: 90", "embargo_days: 90 # \u2066 } \u2069"),
    "tag letters": ("name: Utah", "name: Utah\U000e0041"),
    "variation selector": ("name: Utah", "name: Utah\ufe0f"),
    "private use": ("name: Utah", "name: Utah\ue000"),
    "blanks before what is said": ("embargo_days: 90", f"embargo_days: 90{' ' * 60}# and never"),
    "a line beyond the screen": ("name: Utah", f"name: Utah # {'x' * MAX_LINE}"),
    "an escape": ("name: Utah", 'name: "\\x55tah"'),
}


@pytest.mark.parametrize("how", [*LOOKS_ALIKE, *UNSEEN])
def test_an_authority_with_another_reading_is_refused(how: str) -> None:
    old, new = {**LOOKS_ALIKE, **UNSEEN}[how]
    told = refusal(yaml=replaced(UTAH, old, new))
    assert told.startswith("authority.yaml is refused"), told


CEDAR_TRICKS = {
    "Cyrillic in a word": ('"criminal_investigation"', '"criminal_investigati\u043en"'),
    "an escaped letter": ('"criminal_investigation"', '"immi\\u{67}ration_enforcement"'),
    "a comment that turns round": ("// Utah", "// \u202etimrep\u202c Utah"),
    "a comment that ends unseen": ("// Utah", "// Utah\u2028permit (principal, action);"),
    "a comment with a carriage return": (
        "// Utah",
        "// Utah\rforbid (principal, action);",
    ),
    "a zero width space in a name": ("law_enforcement", "law_\u200benforcement"),
    "a byte order mark": ("// Utah", "\ufeff// Utah"),
    "blanks before a rule": ("// Utah", f"//{' ' * 80}Utah"),
}


@pytest.mark.parametrize("how", CEDAR_TRICKS)
def test_a_policy_with_another_reading_is_refused(how: str) -> None:
    told = refusal(replaced(CEDAR, *CEDAR_TRICKS[how]))
    assert told.startswith("policy.cedar is refused"), told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("embargo_days: 90", "embargo_days: 90\nembargo_days: 0", "stands twice"),
        ("embargo_days: 90", 'embargo_days: 90\n"embargo_days": 0', "stands twice"),
        ("limits: {list_size: 30,", "limits: {list_size: 30, list_size: 50,", "stands twice"),
        ("embargo_days: 90", "embargo_days: &a 90", "anchors"),
        ("embargo_days: 90", "embargo_days: *a", "anchors"),
        ("embargo_days: 90", "embargo_days: !!int 90", "tags"),
        ("embargo_days: 90", "embargo_days: 90\n<<: {name: Ohio}", "<<"),
        ("embargo_days: 90", "embargo_days: 90\n---\nname: Ohio", "not YAML"),
        ("embargo_days: 90", "embargo_days: 90\n...\n---\nname: Ohio", "not YAML"),
        ("embargo_days: 90", "embargo_days: 0132", "several readings"),
        ("embargo_days: 90", "embargo_days: 1:30", "several readings"),
        ("embargo_days: 90", "embargo_days:", "several readings"),
        ("permitted: false", "permitted: off", "several readings"),
        ("permitted: false", "permitted: False", "several readings"),
    ],
)
def test_yaml_that_can_be_read_twice_is_refused(old: str, new: str, told: str) -> None:
    assert told in refusal(yaml=replaced(UTAH, old, new))


def test_directives_are_refused() -> None:
    assert "directives" in refusal(yaml="%YAML 1.1\n---\n" + UTAH)


def test_what_is_huge_is_refused_before_it_is_parsed() -> None:
    padding = "# padding\n" * (MAX_BYTES // 10)
    assert "larger than 256 KiB" in refusal(yaml=UTAH + padding)
    assert "larger than 256 KiB" in refusal(CEDAR + padding.replace("#", "/" * 2))
    assert "stands twice" not in refusal(yaml=UTAH + "x: " + "[" * 400)
    assert "nested too deeply" in refusal(yaml=UTAH + "x: " + "[" * 400)


@pytest.mark.parametrize(
    "condition",
    [
        "(\n" * 40 + "true" + ")\n" * 40,
        "[\n" * 40 + "]\n" * 40,
        "{a:\n" * 40 + "1" + "}\n" * 40,
        "if true then true else\n" * 400 + "true",
        " &&\n".join(["true"] * 600),
        "context" + ".a\n" * 600,
        "1 +\n" * 600 + "1 == 1",
    ],
    ids=["round", "square", "curly", "if", "and", "dots", "plus"],
)
def test_a_rule_that_is_too_deep_for_cedar_never_reaches_it(condition: str) -> None:
    """Three kilobytes of brackets end the process inside Cedar's parser: a custodian's own file
    could have stopped the ledger of every state.
    """
    told = refusal(CEDAR + f"\nforbid (principal, action, resource) when {{ {condition} }};\n")
    assert "nested too deeply" in told or "words and signs" in told


@pytest.mark.parametrize(
    "condition",
    [
        "(" * 12 + "true" + ")" * 12,
        "if true then true else\n" * ((MAX_WORDS - 20) // 5) + "true",
        " &&\n".join(["true"] * ((MAX_WORDS - 20) // 3)),
        "context" + ".a\n" * ((MAX_WORDS - 20) // 2),
        "1 +\n" * ((MAX_WORDS - 20) // 2) + "1 == 1",
    ],
    ids=["round", "if", "and", "dots", "plus"],
)
def test_what_is_just_within_the_bounds_ends_no_process(condition: str) -> None:
    """Tried in a process and a thread of its own: it is read, or refused, and goes on living."""
    cedar = CEDAR + f"\nforbid (principal, action, resource) when {{ {condition} }};\n"
    script = (
        "import sys, threading\n"
        "from onrecord.audit.core.policy import read_policy\n"
        "from onrecord.kernel.errors import OnRecordError\n"
        "cedar, yaml = sys.stdin.buffer.read().split(b'\\0')\n"
        "def read():\n"
        "    try:\n"
        "        read_policy(cedar, yaml, 'US-UT')\n"
        "    except OnRecordError:\n"
        "        pass\n"
        "thread = threading.Thread(target=read)\n"
        "thread.start()\n"
        "thread.join()\n"
        "print('alive')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=cedar.encode() + b"\0" + UTAH.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"alive\n"), done.stderr[-500:]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
@settings(max_examples=500, deadline=None)
def test_what_is_let_through_is_seen_as_it_is(text: str) -> None:
    try:
        read = read_plain(text.encode(), "a file")
    except OnRecordError as error:
        assert error.code is ErrorCode.POLICY_INVALID
        return
    assert read == text
    assert all(one.isprintable() or one in "\n\t" for one in read)
    assert not set(read) & set("\\\r\ufeff\u00a0\u200b")


@given(st.binary(max_size=400))
@settings(max_examples=500, deadline=None)
def test_no_bytes_do_anything_but_be_refused(data: bytes) -> None:
    """Fuzzed: nothing but POLICY_INVALID ever comes out."""
    for cedar, yaml in ((data, UTAH.encode()), (CEDAR.encode(), data)):
        try:
            read_policy(cedar, yaml, "US-UT")
        except OnRecordError as error:
            assert error.code is ErrorCode.POLICY_INVALID


def test_accents_and_section_signs_are_no_trick() -> None:
    """A law may be cited as it is written, and people named as they are."""
    yaml = replaced(UTAH, "name: Utah", "name: Ütah § 1 – “the state”")
    assert read_authority(yaml.encode()).name == "Ütah § 1 – “the state”"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('["reasonable_suspicion", "probable_cause"]', '["reasonable_suspicion"]', "which is more"),
        (
            '["reasonable_suspicion", "probable_cause"]',
            '["none", "probable_cause"]',
            "which is more",
        ),
        (
            '["reasonable_suspicion", "probable_cause"].contains(context.suspicion)',
            '["none", "court_order"].contains(context.instrument)',
            "not one with any",
        ),
    ],
)
def test_a_permit_that_rewards_saying_less_is_refused(old: str, new: str, told: str) -> None:
    assert told in refusal(replaced(CEDAR, old, new))


@pytest.mark.parametrize("statute", ["Ut\u0430h Code 76-6-206", "Utah Code 76\u0665", "\u03a5tah"])
def test_a_request_cannot_miss_the_table_by_a_letter_that_looks_alike(statute: str) -> None:
    """R-7: else a requester would choose the tier."""
    with pytest.raises(OnRecordError) as caught:
        parse_request({**REQUEST, "offence": {"statute": statute, "tier": "violent_felony"}})
    assert (caught.value.code, caught.value.field) == (ErrorCode.FIELD_INVALID, "offence.statute")


def test_an_accent_is_no_way_round_the_table_either() -> None:
    """R-7."""
    authority = read_authority(UTAH.encode())
    assert authority.listed_tier("Út\u00e1h Code 76-6-206") == "misdemeanor"
    assert authority.listed_tier("Uta\u0301h Code 76-6-206") == "misdemeanor"
