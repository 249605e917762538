"""Weight files from a web address: for whoever has no folder of them."""

import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.models.packages import Tell
from onrecord.models.weights import checked

_MAX_BYTES: Final = 512 * 1024 * 1024
_PIECE: Final = 1 << 20
_SECONDS: Final = 60.0  # without a byte
_TOLD_EVERY: Final = 16 * _PIECE


class UrlWeights:
    """`WeightSource` on `base` (http or https), through a cache folder.

    A file is looked for at `base/<file>`, and at `base/<path>` where `paths` names one: the place
    of the file in its publisher's repository.
    """

    def __init__(self, base: str, paths: Mapping[str, str], cache: Path, tell: Tell) -> None:
        if not base.startswith(("https://", "http://")):
            raise OnRecordError(ErrorCode.MODEL_SOURCE, f"{base} is no web address.")
        self._base = base.rstrip("/")
        self._paths = paths
        self._cache = cache
        self._tell = tell

    def read(self, file: str, sha256: str) -> bytes:
        kept = self._cache / f"{sha256[:16]}-{file}"
        if kept.is_file():
            return checked(kept.read_bytes(), sha256, str(kept))
        places = [f"{self._base}/{file}"]
        if file in self._paths:
            places.append(f"{self._base}/{self._paths[file]}")
        content = checked(self._fetched(places), sha256, f"{file} from {self._base}")
        self._cache.mkdir(parents=True, exist_ok=True)
        partial = self._cache / f".{file}.{os.getpid()}.partial"
        partial.write_bytes(content)
        partial.replace(kept)
        return content

    def _fetched(self, places: list[str]) -> bytes:
        """The first that is there. Raises MODEL_SOURCE."""
        why = ""
        for place in places:
            self._tell(f"fetching {place}")
            try:
                return self._content(place)
            except (OSError, ValueError) as error:
                why = str(error)
                absent = isinstance(error, urllib.error.HTTPError) and error.code in (403, 404)
                if not absent:
                    break
        raise OnRecordError(ErrorCode.MODEL_SOURCE, f"{places[0]} cannot be fetched: {why}.")

    def _content(self, place: str) -> bytes:
        content = bytearray()
        with urllib.request.urlopen(place, timeout=_SECONDS) as answer:  # noqa: S310 - http(s), checked when made
            while piece := answer.read(_PIECE):
                content += piece
                if len(content) > _MAX_BYTES:
                    raise ValueError(f"it is larger than {_MAX_BYTES >> 20} MB")
                if len(content) % _TOLD_EVERY < len(piece):
                    self._tell(f"  {len(content) / 1e6:.0f} MB")
        return bytes(content)
