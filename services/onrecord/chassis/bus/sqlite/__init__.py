"""The bus in SQLite files: durable, for all processes of one machine."""

from onrecord.chassis.bus.sqlite.bus import LOOK_AGAIN, SqliteBus, TopicFile

__all__ = ["LOOK_AGAIN", "SqliteBus", "TopicFile"]
