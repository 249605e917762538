"""What a mistake in a command costs: one line that says so, and nothing made, closed or removed."""

import socket
from pathlib import Path

import pytest
from click import Command
from click.testing import CliRunner, Result

from onrecord.cli.demo import demo
from onrecord.cli.processes import up_processes
from onrecord.cli.token import token
from onrecord.cli.up import up
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.standalone.lock import exclusive


def run(command: Command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(one) for one in arguments])


@pytest.fixture
def of_others(tmp_path: Path) -> Path:
    """Somebody's folder, which is not ours to fill."""
    folder = tmp_path / "of-others"
    folder.mkdir()
    (folder / "letter.txt").write_text("keep")
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_token_is_issued_for_a_data_folder_alone(of_others: Path) -> None:
    who = ["--person", "p-reyes", "--agency", "us-ut-slcpd", "--role", "requester"]
    result = run(token, "--data", of_others, *who)
    assert result.exit_code == 1
    assert "is not a data folder" in result.output
    assert names(of_others) == ["letter.txt"]


@pytest.mark.parametrize("command", [up, up_processes])
def test_up_fills_no_folder_that_holds_something_else(
    command: Command, of_others: Path, tmp_path: Path
) -> None:
    mode = of_others.stat().st_mode
    result = run(command, "--data", of_others, "--models", tmp_path, "--port", 0)
    assert result.exit_code == 1
    assert "holds something else" in result.output
    assert names(of_others) == ["letter.txt"]
    assert of_others.stat().st_mode == mode


@pytest.mark.parametrize("command", [up, up_processes])
def test_a_busy_port_is_said_before_anything_is_made(command: Command, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run(command, "--data", tmp_path / "data", "--models", tmp_path, "--port", port)
    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port} (Address already in use); choose" in result.output
    assert not (tmp_path / "data").exists()


def test_the_demo_removes_nothing_that_is_being_served(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / ".onrecord-demo").touch()
    with exclusive(data / "in-use.lock"):
        result = run(demo, "--out", tmp_path, "--models", tmp_path)
    assert isinstance(result.exception, OnRecordError)
    assert result.exception.code is ErrorCode.DATA_FOLDER_IN_USE
    assert data.is_dir()
