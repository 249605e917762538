"""The example authorities, and the pages made from them (R-1, R-2)."""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from onrecord.audit.core.answers import space_of
from onrecord.kernel.vocabulary import Purpose
from tests.builders.answering import answered, asked_once
from tests.builders.audit import POLICIES
from tests.builders.policies import example

ROOT = POLICIES.parent
EXAMPLES = sorted(one.name for one in POLICIES.iterdir() if one.is_dir())
PROTECTED = {"checked", "citation", "says", "at"}


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pages", ROOT / "tools" / "authority_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_ten() -> None:
    assert len(EXAMPLES) == 10


@pytest.mark.parametrize("state", EXAMPLES)
def test_an_example_says_what_it_rests_on_and_asks_for_legal_review(state: str) -> None:
    """R-2: instrument, vote, dates and notice; and nobody takes it for law."""
    authority = example(state).authority
    assert authority.legal_review == "required"
    assert authority.instrument.citation
    assert authority.notice_to_drivers
    names = sorted(path.name for path in (POLICIES / state).iterdir())
    assert names == ["authority.yaml", "policy.cedar"]


@pytest.mark.parametrize("state", EXAMPLES)
def test_what_it_was_checked_against_is_told(state: str) -> None:
    told = yaml.safe_load((POLICIES / "sources.yaml").read_text("utf-8"))[state]
    assert told["sources"]
    for source in told["sources"]:
        assert set(source) == PROTECTED
        assert source["checked"] in ("text", "secondary", "heading")
    assert told["not_checked"]
    assert told["choices"]


@pytest.mark.parametrize("state", EXAMPLES)
def test_no_example_permits_immigration_enforcement(state: str) -> None:
    """R-5: refused everywhere unless a state's policy names it; none of these does."""
    policy = example(state)
    granted = answered(policy, space_of(policy))
    assert not [one for one in granted if one.purpose == Purpose.IMMIGRATION_ENFORCEMENT]


@pytest.mark.parametrize("state", ["US-AK", "US-VT"])
def test_where_there_is_no_authority_nothing_is_allowed(state: str) -> None:
    """R-1: no law that allows it is a refusal, as a law that forbids it."""
    policy = example(state)
    assert not policy.text.permits
    assert not answered(policy, space_of(policy))


def test_the_pages_are_what_the_policies_say(
    pages: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_once(monkeypatch, pages)
    states = pages.read_states(POLICIES)
    sources = yaml.safe_load((POLICIES / "sources.yaml").read_text("utf-8"))
    stale = "run tools/authority_pages.py"
    assert pages.SIDE_BY_SIDE.read_text("utf-8") == pages.side_by_side(states, sources), stale
    assert pages.MATRIX.read_text("utf-8") == pages.matrix(states), stale


def test_a_changed_word_of_law_changes_the_page(pages: ModuleType, tmp_path: Path) -> None:
    shutil.copytree(POLICIES / "US-ME", tmp_path / "US-ME")
    before = pages.matrix(pages.read_states(tmp_path))
    path = tmp_path / "US-ME" / "policy.cedar"
    path.write_text(path.read_text().replace('["violent_felony", "felony"]', '["violent_felony"]'))
    assert pages.matrix(pages.read_states(tmp_path)) != before
