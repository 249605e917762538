"""Every subject of every process, in order; what goes wrong in one hides no other."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from onrecord.cli.preflight import (
    buckets,
    certificates,
    databases,
    files,
    identity_provider,
    index,
    ledger_key,
    models,
    topics,
)
from onrecord.cli.preflight.results import Checked, Result, missing, not_checked
from onrecord.cli.preflight.targets import Installation, Target, Unreadable
from onrecord.kernel.errors import OnRecordError

_log = logging.getLogger(__name__)

_Examine = Callable[[Target, Installation], Iterator[Result]]
_OF_EACH: Final[tuple[tuple[str, _Examine], ...]] = (
    ("files", files.examine),
    ("certificates", certificates.examine),
)
_SHARED: Final[tuple[tuple[str, _Examine], ...]] = (
    ("ledger key", ledger_key.examine),
    ("identity provider", identity_provider.examine),
    ("database", databases.examine),
    ("objects", buckets.examine),
    ("bus", topics.examine),
    ("models", models.examine),
    ("index", index.examine),
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
    target: Target, installation: Installation, subjects: Sequence[tuple[str, _Examine]]
) -> Iterator[Checked]:
    for subject, examine in subjects:
        try:
            for result in examine(target, installation):
                yield Checked(target.name, subject, result)
        except OnRecordError as error:
            yield Checked(target.name, subject, missing(error.message))
        except Exception as error:  # noqa: BLE001 - the other checks are worth having all the same
            _log.error("%s of %s could not be examined", subject, target.name, exc_info=error)
            told = f"could not be examined: {type(error).__name__}"
            yield Checked(target.name, subject, missing(told))
