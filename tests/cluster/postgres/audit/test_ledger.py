"""The suite as it stands, with the ledger in PostgreSQL."""

import shutil
from pathlib import Path

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.audit import AuditForTest, open_audit
from tests.cluster.postgres.databases import PostgresDatabases
from tests.unit.audit.test_ledger import *  # noqa: F403

# These lay hands on SQLite's file, or on its triggers by name; a backup is restored below.
del test_a_rolled_back_database_appends_nothing  # noqa: F821
del test_another_history_of_the_same_length_appends_nothing  # noqa: F821
del test_a_database_that_does_not_hold_together_is_not_opened  # noqa: F821


def test_a_restored_backup_appends_nothing(
    audit: AuditForTest, databases: PostgresDatabases, tmp_path: Path
) -> None:
    """R-24, R-48: the database of yesterday under what was published today."""
    audit.authorize()
    audit.close()
    yesterday = tmp_path / "yesterday"
    shutil.copytree(audit.folder, yesterday)
    backup = databases(yesterday, "ledger")
    today = audit.reopen()
    today.authorize()
    today.close()
    with pytest.raises(OnRecordError, match="rolled back") as refused:
        open_audit(audit.folder, clock=audit.clock, url=backup)
    assert refused.value.code is ErrorCode.LEDGER_UNAVAILABLE
