"""Files and folders that settings name and no other subject reads."""

from collections.abc import Iterator
from typing import Final

from onrecord.chassis.settings import examine_files
from onrecord.cli.config_contents import examine_contents
from onrecord.cli.preflight.results import Result, missing, ok
from onrecord.cli.preflight.targets import Installation, Target

_ELSEWHERE: Final = frozenset(
    {
        *("certificate", "certificate_key", "roots", "ledger_key", "ledger_signing_key"),
        *("token_keys", "models", "database_url", "roster_url", "milvus"),
        *("vault", "ingest", "ledger_objects", "bus"),
    }
)


def examine(target: Target, _: Installation) -> Iterator[Result]:
    settings = target.settings
    problems = examine_files(settings) or examine_contents(target.service, settings)
    ours = [one for one in problems if one.name not in _ELSEWHERE]
    for one in ours:
        path = getattr(settings, one.name)
        yield missing(
            f"{one.name}: {one.says}",
            f"head -c 32 /dev/urandom > {path}"
            if one.name == "casework_key"
            else f"onrecord config check {target.options}",
        )
    if not ours:
        yield ok("what settings name besides can be read, or written")
