"""An installation to be attacked: made once, and copied for each attack."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role
from onrecord.proof.entry import parse_body
from tests.builders.audit import AuditForTest, soon
from tests.builders.joined import Joined, new_joined, open_joined

Refused = Callable[[ErrorCode, Callable[[], object]], OnRecordError]


def entries(audit: AuditForTest) -> list[dict[str, Any]]:
    """Every body of the ledger, as an auditor reads them."""
    auditor = audit.token("auditor-1", Role.AUDITOR)
    return [parse_body(one.body)[0] for one in audit.service.bodies(0, 1000, auditor, soon())]


def kinds(audit: AuditForTest) -> list[str]:
    return [str(body["kind"]) for body in entries(audit)]


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed installation: three laws, one gallery, three people."""
    folder = tmp_path_factory.mktemp("settled")
    new_joined(folder).close()
    return folder


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is opened here is closed when the attack is over."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def folder(settled: Path, tmp_path: Path) -> Path:
    """A copy of it that nobody has opened yet."""
    return shutil.copytree(settled, tmp_path / "installation")


@pytest.fixture
def joined(folder: Path, stack: ExitStack) -> Joined:
    opened = open_joined(folder)
    stack.callback(opened.close)
    return opened


@pytest.fixture
def refused() -> Refused:
    """Calls, and expects a refusal with this code."""

    def check(code: ErrorCode, act: Callable[[], object]) -> OnRecordError:
        with pytest.raises(OnRecordError) as raised:
            act()
        assert raised.value.code is code, repr(raised.value)
        return raised.value

    return check
