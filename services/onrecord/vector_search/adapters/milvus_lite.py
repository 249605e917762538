"""The files of a Milvus Lite that runs in this process: taking out of them what was deleted.

Milvus Lite writes a deletion beside the rows and leaves the rows in their file until it happens to
merge four files; asked to compact, it says yes and does nothing. A receipt may not rest on that
(law 9), so the files with deleted rows are rewritten here by Milvus Lite's own compaction, and then
read again. Where a later version has other insides, this fails and nothing is claimed.
"""

from pathlib import Path
from typing import Any, Final

from onrecord.kernel.errors import ErrorCode, OnRecordError

_KEY: Final = "key"
_SEQUENCE: Final = "_seq"


class LiteFiles:
    """The data files of the Milvus Lite that pymilvus has started for `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def compact(self, name: str) -> None:
        """Rewrite each file of a flushed collection that holds a deleted row, without it.

        The caller holds the collection's turn. Raises PLANE_UNAVAILABLE where deleted rows are
        still there afterwards, or where this Milvus Lite is not built as we know it.
        """
        try:
            collection = self._collection(name)
            # It may still be indexing, out of its own lock, the very files that are to go.
            collection._wait_for_bg()
            with collection._maintenance_lock:
                manifest, deleted = collection._manifest, collection._delta_index
                for partition in manifest.list_partitions():
                    found = self._with_deleted(collection, partition)
                    if found:
                        collection._compaction_mgr._compact_files(
                            partition,
                            str(self._folder(collection, partition)),
                            found,
                            manifest,
                            deleted,
                        )
                collection._refresh_segment_cache()
                collection._cleanup_orphan_index_files()
                left = [
                    one
                    for partition in manifest.list_partitions()
                    for one in self._with_deleted(collection, partition)
                ]
                collection._compaction_mgr._gc_tombstones(manifest, deleted)
            rows_waiting = collection._memtable.size()
            collection._schedule_bg_maintenance()
        except (AttributeError, KeyError, TypeError, OSError) as error:
            raise _not_dropped(
                f"{type(error).__name__}: its insides are other than known"
            ) from error
        if left or rows_waiting:
            raise _not_dropped(f"{len(left)} files and {rows_waiting} unsealed rows remain")

    def _collection(self, name: str) -> Any:
        from milvus_lite.server_manager import server_manager_instance

        _, database, _ = server_manager_instance._servers[str(self._path.absolute())]
        return database.get_collection(name)

    def _folder(self, collection: Any, partition: str) -> Path:
        return Path(collection.data_dir, "partitions", partition)

    def _with_deleted(self, collection: Any, partition: str) -> list[str]:
        """The partition's data files in which at least one row stands that was deleted."""
        deleted = collection._delta_index
        return [
            file
            for file in collection._manifest.get_data_files(partition)
            if _holds_deleted(self._folder(collection, partition) / file, deleted)
        ]


def _holds_deleted(path: Path, deleted: Any) -> bool:
    from milvus_lite.storage.data_file import read_data_file

    held = read_data_file(str(path))
    keys, sequences = held.column(_KEY).to_pylist(), held.column(_SEQUENCE).to_pylist()
    return any(map(deleted.is_deleted, keys, sequences))


def _not_dropped(why: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.PLANE_UNAVAILABLE, f"the index has not dropped what was deleted: {why}"
    )
