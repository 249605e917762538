"""What `onrecord monitor` says on a terminal, or to another program."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

import click

from onrecord.cli.ledger_lines import printable
from onrecord.kernel.times import Clock, format_time
from onrecord.monitor.core import Alarm
from onrecord.monitor.folder import MonitorFolder
from onrecord.monitor.service import Round


class MonitorLines:
    """Keeps and tells alarms. What goes on is told once; what is over is said to be over."""

    def __init__(self, folder: MonitorFolder, clock: Clock, *, as_json: bool) -> None:
        self._folder = folder
        self._clock = clock
        self._as_json = as_json
        self._standing: frozenset[Alarm] = frozenset()
        self._size: int | None = None

    def alarms(self, alarms: Sequence[Alarm]) -> None:
        """Tell the alarms of a round that did not stand in the one before."""
        now = self._clock.now()
        new = [one for one in alarms if one not in self._standing]
        self._folder.keep(new, now)
        for one in new:
            self._say(now, "ALARM", one, one.to_json())
        going_on = frozenset(one for one in alarms if one.index is None)
        for one in self._standing - going_on:
            self._say(now, "over", one, one.to_json())
        self._standing = going_on

    def round(self, found: Round, *, always: bool) -> None:
        """Tell where the ledger stands, if it has grown or `always`."""
        size = None if found.checkpoint is None else found.checkpoint.size
        if not always and size == self._size and not found.bodies:
            return
        self._size = size
        now = self._clock.now()
        root = None if found.checkpoint is None else found.checkpoint.root.hex()
        if self._as_json:
            told: dict[str, object] = {"event": "round", "time": format_time(now)}
            told |= {"size": size, "root": root}
            told |= {"witnessed_by": list(found.witnessed_by), "bodies": found.bodies}
            click.echo(json.dumps(told | {"alarms": len(found.alarms)}))
        elif size is not None and root is not None:
            witnessed = ", ".join(map(printable, found.witnessed_by)) or "UNWITNESSED"
            bodies = f", {found.bodies} bodies looked at" if found.bodies else ""
            click.echo(
                f"{format_time(now)}  {size} entries, root {root[:16]}…, {witnessed}{bodies}"
            )

    def _say(self, now: datetime, word: str, one: Alarm, told: Mapping[str, object]) -> None:
        if self._as_json:
            event = {"ALARM": "alarm", "over": "over"}[word]
            click.echo(json.dumps({"event": event, "time": format_time(now), **told}))
            return
        where = "" if one.index is None else f"entry {one.index}: "
        line = f"{format_time(now)}  {word:<5}  {one.kind.value}: {where}{printable(one.message)}"
        click.secho(line, bold=word == "ALARM")
