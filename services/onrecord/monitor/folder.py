"""A monitor's own folder: what it remembers, and the alarms that it has told."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.monitor.core import Alarm, Memory
from onrecord.proof import canonical

MEMORY_NAME = "memory.json"
ALARMS_NAME = "alarms.jsonl"
_LOCK_NAME = "lock"


class MonitorFolder:
    """Keeps one monitor's memory and alarms. Everything is on disk when a method returns."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other monitors out; raises DATA_FOLDER_IN_USE. Ends with the process."""
        with (self._folder / _LOCK_NAME).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                message = f"another monitor is using {self._folder}"
                raise OnRecordError(ErrorCode.DATA_FOLDER_IN_USE, message) from error
            yield

    def load(self) -> Memory:
        """The memory stored last. Raises FIELD_INVALID where it cannot be read."""
        try:
            return Memory.decode((self._folder / MEMORY_NAME).read_bytes())
        except FileNotFoundError:
            return Memory()

    def store(self, memory: Memory) -> None:
        """Put the memory in place of the one before."""
        path = self._folder / MEMORY_NAME
        new = path.with_suffix(".new")
        with new.open("wb") as file:
            file.write(memory.encode())
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def keep(self, alarms: Sequence[Alarm], now: datetime) -> None:
        """Write alarms behind those told before, one a line."""
        if not alarms:
            return
        lines = [canonical.encode({**one.to_json(), "time": format_time(now)}) for one in alarms]
        with (self._folder / ALARMS_NAME).open("ab") as file:
            if file.tell() and not self._ends_a_line():
                file.write(b"\n")  # we were killed within a line
            file.writelines(line + b"\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())

    def _ends_a_line(self) -> bool:
        with (self._folder / ALARMS_NAME).open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
