"""What mutation testing told: its page is as counted, and no rule excuses a code, field or law."""

import ast

import pytest

from tools.mutants import page
from tools.mutants.findings import explanations
from tools.mutants.properties import methods_for_properties
from tools.mutants.rules import message_takers, rule_for
from tools.mutants.subjects import ROOT, subjects

PACKAGE = ROOT / "services" / "onrecord"
CALL = 'raise OnRecordError(ErrorCode.A, "why", field="x")'


def rule(before: str, after: str, module: str = "proof/grant.py") -> str | None:
    takers = message_takers(PACKAGE, module)
    return rule_for(ast.parse(before), ast.parse(after), takers)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CALL, CALL.replace('"why"', '"WHY"')),
        (CALL, CALL.replace('"why"', "None")),
        ("raise ValueError(f'{a} is {b}')", "raise ValueError(f'{a} is {None}')"),
        ("raise LedgerFault(law, index, 'why')", "raise LedgerFault(law, index, 'XX')"),
        ("raise _malformed('why')", "raise _malformed(None)"),
    ],
)
def test_text_for_people_is_a_rule(before: str, after: str) -> None:
    assert rule(before, after) == "message"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CALL, CALL.replace("ErrorCode.A", "None")),
        (CALL, CALL.replace('"x"', '"X"')),
        (CALL, CALL.replace(', field="x"', "")),
        (CALL, CALL.replace('"why", ', "")),
        (CALL, "pass"),
        (f"if a < b: {CALL}", f"if a <= b: {CALL}"),
        ("raise LedgerFault(law, index, 'why')", "raise LedgerFault(None, index, 'why')"),
        ("raise LedgerFault(law, index, 'why')", "raise LedgerFault(law, None, 'why')"),
        ("raise other('why')", "raise other(None)"),
        ("a.encode('utf-8')", "a.encode(None)"),
        ("a.lower('utf-8')", "a.lower('UTF-8')"),
        ("cast(int, a)", "cast(int, None)"),
    ],
)
def test_everything_else_is_not(before: str, after: str) -> None:
    assert rule(before, after) is None


def test_what_python_does_not_read_is_a_rule() -> None:
    assert rule("cast(int, a)", "cast(None, a)") == "cast"
    assert rule("a.encode('utf-8')", "a.encode('UTF-8')") == "codec"
    assert rule("a.encode('utf-8')", "a.encode()") == "codec"
    assert rule("a.decode('ascii')", "a.decode()") is None


def test_a_property_is_mutated_as_a_method() -> None:
    source = "class A:\n    @property\n    def b(self) -> int:\n        return 1\n"
    made: dict[str, type] = {}
    exec(methods_for_properties(source), made)  # noqa: S102 - written two lines above
    assert made["A"]().b == made["A"]().get_b() == 1


@pytest.mark.parametrize("name", subjects())
def test_every_explanation_is_of_a_module_that_is_mutated(name: str) -> None:
    subject = subjects()[name]
    assert {module for module, *_ in explanations(subject)} <= set(subject.modules)


def test_the_page_is_as_counted() -> None:
    assert page.PAGE.read_text("utf-8") == page.write(), "run `python -m tools.mutants page`"
