"""Programs by others are installed once, whole, and are those that we know."""

import threading
from pathlib import Path

import pytest

from deploy.local import tools
from deploy.local.tools import InstallError, check, once, run, sha256


def quiet(_: str) -> None:
    """Whoever installs here is not told."""


def test_what_is_there_is_not_installed_again(tmp_path: Path) -> None:
    built: list[Path] = []
    for _ in range(3):
        folder = once(tmp_path, "thing", "1.2", quiet, "nothing", built.append)
    assert built == [folder] == [tmp_path / "thing-1.2"]
    assert once(tmp_path, "thing", "1.3", quiet, "nothing", built.append) == tmp_path / "thing-1.3"


def test_what_was_broken_off_begins_anew(tmp_path: Path) -> None:
    def broken(folder: Path) -> None:
        (folder / "half").touch()
        raise InstallError("no more")

    with pytest.raises(InstallError):
        once(tmp_path, "thing", "1", quiet, "nothing", broken)
    folder = once(tmp_path, "thing", "1", quiet, "nothing", lambda at: (at / "whole").touch())
    assert (folder / "whole").exists()
    assert not (folder / "half").exists()


def test_two_at_a_time_take_turns(tmp_path: Path) -> None:
    built: list[Path] = []

    def slowly(folder: Path) -> None:
        assert not list(folder.iterdir())
        (folder / "x").touch()
        # Long enough that the other one would be inside too, were it let in.
        threading.Event().wait(0.1)
        built.append(folder)

    threads = [
        threading.Thread(target=once, args=(tmp_path, "thing", "1", quiet, "nothing", slowly))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1


def test_a_file_that_we_do_not_know_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists, came = tmp_path / "hashes", tmp_path / "came"
    lists.mkdir()
    (came / "libs").mkdir(parents=True)
    monkeypatch.setattr(tools, "HASHES", lists)
    jar = came / "libs" / "a.jar"
    jar.write_bytes(b"the jar")
    (lists / "thing-1.sha256").write_text(f"{sha256(jar)}  libs/a.jar\n")
    check(came, "thing-1")
    (came / "libs" / "b.jar").write_bytes(b"another")
    with pytest.raises(InstallError, match=r"b\.jar came and is not on our list"):
        check(came, "thing-1")
    (came / "libs" / "b.jar").unlink()
    jar.write_bytes(b"the jaR")
    with pytest.raises(InstallError, match=r"a\.jar is not the file we know"):
        check(came, "thing-1")
    jar.unlink()
    with pytest.raises(InstallError, match=r"a\.jar did not come"):
        check(came, "thing-1")


def test_why_an_installation_failed_is_said(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="it went wrong"):
        run(["sh", "-c", "echo it went wrong; exit 3"], cwd=tmp_path)
    with pytest.raises(InstallError, match="is not on this machine"):
        run(["no-such-program"], cwd=tmp_path)
