"""Every subject of every process, in order; what goes wrong in one hides no other."""

import importlib
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from onrecord.cli.databases import DATABASES
from onrecord.cli.preflight.results import Checked, Result, missing, not_checked
from onrecord.cli.preflight.targets import Installation, Target, Unreadable
from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.vocabulary import Service

_log = logging.getLogger(__name__)

_ALL: Final = frozenset(Service)


class _Subject(NamedTuple):
    """What is examined, by `examine(target, installation)` of the module, and for which services:
    the image of another has no need for what the module imports.
    """

    name: str
    module: str
    of: frozenset[Service] = _ALL

    def examine(self) -> Callable[[Target, Installation], Iterator[Result]]:
        module = importlib.import_module(f"onrecord.cli.preflight.{self.module}")
        found: Callable[[Target, Installation], Iterator[Result]] = module.examine
        return found


_OF_EACH: Final = (_Subject("files", "files"), _Subject("certificates", "certificates"))
_SHARED: Final = (
    _Subject("ledger key", "ledger_key"),
    _Subject(
        "identity provider",
        "identity_provider",
        frozenset({Service.GATEWAY, Service.VECTOR_SEARCH, Service.AUDIT}),
    ),
    _Subject("database", "databases", frozenset(DATABASES)),
    _Subject("objects", "buckets"),
    _Subject("bus", "topics"),
    _Subject(
        "models", "models", frozenset({Service.GATEWAY, Service.DETECTION, Service.EMBEDDING})
    ),
    _Subject("index", "index", frozenset({Service.VECTOR_SEARCH})),
)


def examined(
    installation: Installation, unreadable: Sequence[Unreadable] = ()
) -> Iterator[Checked]:
    """One result after the other, as they come."""
    for one in unreadable:
        at = f" --config {one.config}" if one.config else ""
        command = f"onrecord config check {one.service.value}{at}"
        for problem in one.problems:
            named = f"{problem.name}: " if problem.name else ""
            yield Checked(one.name, "settings", missing(f"{named}{problem.says}", command))
    for target in installation.targets:
        yield from _each(target, installation, _OF_EACH)
        twin = next((one for one in installation.before(target) if one.is_like(target)), None)
        if twin is None:
            yield from _each(target, installation, _SHARED)
        else:
            yield Checked(target.name, "the rest", not_checked(f"its settings are {twin.name}'s"))


def _each(
    target: Target, installation: Installation, subjects: Sequence[_Subject]
) -> Iterator[Checked]:
    for one in subjects:
        if target.service not in one.of:
            continue
        subject = one.name
        try:
            for result in one.examine()(target, installation):
                yield Checked(target.name, subject, result)
        except OnRecordError as error:
            yield Checked(target.name, subject, missing(error.message))
        except Exception as error:  # noqa: BLE001 - the other checks are worth having all the same
            _log.error("%s of %s could not be examined", subject, target.name, exc_info=error)
            told = f"could not be examined: {type(error).__name__}"
            yield Checked(target.name, subject, missing(told))
