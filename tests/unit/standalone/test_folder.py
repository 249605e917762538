"""The data folder of one process."""

import stat
from pathlib import Path

from onrecord.standalone.folder import DataFolder


def test_a_folder_made_by_hand_is_closed_to_everyone_else(tmp_path: Path) -> None:
    """R-30, R-31: record ids and sealed portraits stand in it, under the usual rights."""
    root = tmp_path / "data"
    root.mkdir(mode=0o755)
    folder = DataFolder(root)
    (root / "keys").mkdir(mode=0o755)
    folder.prepare()
    folder.prepare()
    for path in (root, folder.keys, folder.certificates, folder.identity):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
