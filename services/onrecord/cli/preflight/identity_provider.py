"""The identity provider: whether its public keys can be had, and used."""

import shlex
from collections.abc import Iterator

from onrecord.chassis.key_sets import is_key_file, key_address, open_key_set
from onrecord.chassis.settings import TokenSettings
from onrecord.chassis.tokens import is_usable
from onrecord.cli.preflight.results import Result, missing, ok
from onrecord.cli.preflight.targets import Installation, Target
from onrecord.kernel.errors import OnRecordError


def examine(target: Target, _: Installation) -> Iterator[Result]:
    settings = target.settings
    if not isinstance(settings, TokenSettings):
        return
    place = settings.token_keys
    try:
        keys = open_key_set(place, settings.token_issuer, settings.token_keys_roots)()
    except OnRecordError as error:
        yield missing(f"{settings.token_issuer}: {error.message}", _asking(settings))
        return
    usable = sum(is_usable(one) for one in keys.get("keys", ()))
    if usable:
        yield ok(f"{settings.token_issuer}: {usable} keys to verify tokens with")
    else:
        yield missing(f"{place} holds no key that verifies a token", _asking(settings))


def _asking(settings: TokenSettings) -> str:
    place, roots = settings.token_keys, settings.token_keys_roots
    if is_key_file(place):
        return f"curl --fail --output {shlex.quote(place)} ADDRESS-OF-THE-KEY-SET"
    address = key_address(place, settings.token_issuer)
    trusting = f"--cacert {shlex.quote(str(roots))} " if roots else ""
    return f"curl --fail {trusting}{shlex.quote(address)}"
