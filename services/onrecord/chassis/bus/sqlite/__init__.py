"""The bus in SQLite files: durable, for all processes of one machine."""

from onrecord.chassis.bus.sqlite.bus import SqliteBus, TopicFile

__all__ = ["SqliteBus", "TopicFile"]
