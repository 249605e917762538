"""Law 5, R-2: how long the texts of a law may be, and which policy a refusal names."""

import pytest

from onrecord.audit.core.authority_reading import read_authority
from onrecord.audit.core.cedar_bounds import check_bounds
from onrecord.audit.core.policy import read_policy
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.laws import utah

SUMMARY = utah()[utah().index("summary: >-") : utah().index("notice_to_drivers")]
PROHIBITION = "prohibition: null"


@pytest.mark.parametrize(
    ("field", "longest", "old", "new"),
    [
        ("instrument.citation", 300, "citation: Utah Code 77-23e", "citation: {}"),
        (
            "instrument.section",
            300,
            "section: Government use of facial recognition technology",
            "section: {}",
        ),
        ("instrument.summary", 2000, SUMMARY, "summary: {}\n"),
        ("prohibition.citation", 300, PROHIBITION, "prohibition: {{citation: {}, summary: s}}"),
        ("prohibition.summary", 2000, PROHIBITION, "prohibition: {{citation: c, summary: {}}}"),
        ("agencies.us-ut-dld.name", 200, "name: Utah Driver License Division", "name: {}"),
    ],
)
def test_texts_of_a_law_have_a_length(field: str, longest: int, old: str, new: str) -> None:
    """R-2: what an authority rests on is told whole, or it is refused."""

    def law(length: int) -> bytes:
        lines = "\n      ".join(
            ["x" * 99] * ((length - 1) // 100) + ["x" * ((length - 1) % 100 + 1)]
        )
        return utah((old, new.format(f'"{lines if length > 400 else "x" * length}"'))).encode()

    read_authority(law(longest))
    with pytest.raises(OnRecordError) as caught:
        read_authority(law(longest + 1))
    assert (caught.value.code, caught.value.field) == (ErrorCode.POLICY_INVALID, field)
    assert f"{longest}" in caught.value.message


WHERE = """
@id("mine")
permit (
  principal in AgencyGroup::"law_enforcement",
  action == Action::"search",
  resource == Gallery::"US-UT"
)
when { CONDITIONS };
"""
PURPOSE, TIER = 'context.purpose == "missing_person"', 'context.offence_tier == "none"'
ODD = "true"


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        (
            [ODD, PURPOSE, TIER],
            'has a condition that is neither `context.x == "word"` nor '
            '`["word", ...].contains(context.x)`, joined by &&',
        ),
        (
            [PURPOSE, TIER, '["none"].contains(context.suspicion)'],
            "takes suspicion none and not reasonable_suspicion, which is more",
        ),
        (
            [PURPOSE, TIER, '["none"].contains(context.instrument)'],
            "takes a request without an instrument and not one with any",
        ),
    ],
)
def test_the_policy_that_is_refused_is_named(conditions: list[str], told: str) -> None:
    """Law 5."""
    cedar = WHERE.replace("CONDITIONS", " && ".join(conditions))
    with pytest.raises(OnRecordError) as caught:
        read_policy(cedar.encode(), utah().encode(), "US-UT")
    assert caught.value.code is ErrorCode.POLICY_INVALID
    assert caught.value.message == f"policy.cedar is refused: mine {told}"


def test_an_instant_is_no_longer_than_it_need_be() -> None:
    """R-1: forty characters hold any instant that a state would write."""

    def law(digits: int) -> bytes:
        instant = f"2026-01-01T00:00:00.{'0' * digits}-07:00"
        return utah(("2026-01-01T00:00:00-07:00", f"{instant}")).encode()

    assert read_authority(law(14)).effective.isoformat() == "2026-01-01T00:00:00-07:00"
    with pytest.raises(OnRecordError) as caught:
        read_authority(law(15))
    assert (caught.value.code, caught.value.field) == (ErrorCode.POLICY_INVALID, "effective")


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("(" * 17 + "\n" + "true" + ")" * 17, "is nested too deeply"),
        ("\n" + " ".join(["x"] * 1001) + "\n", "has a policy of more than 1000 words and signs"),
    ],
)
def test_the_line_is_named_where_a_policy_goes_beyond_its_bounds(where: str, told: str) -> None:
    """Law 5: where it goes beyond them, not where the file ends."""
    with pytest.raises(OnRecordError) as caught:
        check_bounds(f"// one\n\n{where}\n;\n// the end\n")
    line = 4 if where.startswith("\n") else 3
    assert caught.value.message == f"policy.cedar is refused: it {told} (line {line})"
