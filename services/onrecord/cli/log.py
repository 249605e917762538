"""What a process says, to standard error: one line an event, times in UTC."""

import logging
import sys
import time

_CHATTY = ("uvicorn.error", "pymilvus", "milvus_lite", "faiss")


def prepare_log(level: str = "INFO") -> None:
    """Once, at the start of a process."""
    logging.basicConfig(
        stream=sys.stderr,
        level=level,
        format="%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
        force=True,
    )
    logging.Formatter.converter = time.gmtime
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
