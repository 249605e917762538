"""An identity provider's public keys, asked of the provider itself.

`token_keys` is a file, the address of a key set (RFC 7517), or the word `discover`: then the
provider says where its keys are (OpenID Connect Discovery 1.0).
"""

import json
import logging
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, Protocol

from onrecord.chassis.identity_files import KeySetFile
from onrecord.kernel.errors import ErrorCode, OnRecordError

_log = logging.getLogger(__name__)

DISCOVER: Final = "discover"
_DOCUMENT: Final = "/.well-known/openid-configuration"
_FRESH_SECONDS: Final = 300.0
# A key that the provider has withdrawn is believed no longer than this, though it does not answer.
_STALE_SECONDS: Final = 3600.0
# A stranger's token with a key nobody knows must not make us ask for each one.
_ASK_AGAIN_SECONDS: Final = 10.0
_CALL_SECONDS: Final = 3.0
_MOST_BYTES: Final = 1 << 20
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class KeySet(Protocol):
    """The provider's public keys."""

    def __call__(self) -> Mapping[str, Any]:
        """The key set. Raises IDENTITY_UNAVAILABLE, SETTINGS_INVALID."""
        ...

    def newer(self) -> Mapping[str, Any]:
        """The key set for whoever met a key that is not in it: asked for again, but not often."""
        ...


def is_key_file(place: str) -> bool:
    """Whether `place` names a file, and nobody has to be asked."""
    return place != DISCOVER and "://" not in place


def key_address(place: str, issuer: str) -> str:
    """What is asked first where `place` is no file: the key set, or where there is one."""
    return issuer.rstrip("/") + _DOCUMENT if place == DISCOVER else place


def open_key_set(place: str, issuer: str, roots: Path | None = None) -> KeySet:
    """Whatever `place` names. `roots`: authorities that the provider's TLS is believed by, PEM;
    the system's without. Raises SETTINGS_INVALID; calls nobody.
    """
    if is_key_file(place):
        return KeySetFile(Path(place))
    found_by = issuer if place == DISCOVER else None
    return ProvidersKeys(key_address(place, issuer), found_by, roots)


class ProvidersKeys:
    """A `KeySet` at an address, kept for five minutes, and for an hour if nobody answers."""

    def __init__(
        self,
        address: str,
        issuer: str | None = None,
        roots: Path | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`issuer`: `address` is its discovery document. Raises SETTINGS_INVALID."""
        _check_address(address)
        self._address = address
        self._issuer = issuer
        self._opener = _opener(roots)
        self._monotonic = monotonic
        self._asking = threading.Lock()
        self._keys: Mapping[str, Any] | None = None
        self._read = self._asked = float("-inf")

    def __call__(self) -> Mapping[str, Any]:
        keys = self._keys
        if keys is not None and self._age() < _FRESH_SECONDS:
            return keys
        return self._again()

    def newer(self) -> Mapping[str, Any]:
        return self._again()

    def _age(self) -> float:
        return self._monotonic() - self._read

    def _again(self) -> Mapping[str, Any]:
        """The keys, asked for unless they were a moment ago. One asks; whoever comes meanwhile
        has what there is.
        """
        first = self._keys is None
        if self._asking.acquire(blocking=first):
            try:
                if self._monotonic() - self._asked >= _ASK_AGAIN_SECONDS:
                    self._ask()
            finally:
                self._asking.release()
        if self._keys is None or self._age() > _STALE_SECONDS:
            raise OnRecordError(
                ErrorCode.IDENTITY_UNAVAILABLE, "the identity provider's keys cannot be had"
            )
        return self._keys

    def _ask(self) -> None:
        self._asked = self._monotonic()
        try:
            address = self._address if self._issuer is None else self._discovered(self._issuer)
            keys = self._fetched(address)
            if not isinstance(keys.get("keys"), list):
                raise ValueError("it holds no keys")
        except (OSError, ValueError, HTTPException, OnRecordError) as error:
            _log.warning("the identity provider's keys were not read: %s", error)
            return
        self._keys, self._read = keys, self._monotonic()

    def _discovered(self, issuer: str) -> str:
        found = self._fetched(self._address)
        if found.get("issuer") != issuer:
            raise ValueError("its discovery document is another issuer's")
        address = found.get("jwks_uri")
        if not isinstance(address, str):
            raise ValueError("its discovery document names no key set")
        _check_address(address)
        return address

    def _fetched(self, address: str) -> Mapping[str, Any]:
        request = urllib.request.Request(address, headers={"Accept": "application/json"})  # noqa: S310 - checked
        with self._opener.open(request, timeout=_CALL_SECONDS) as answer:
            content = answer.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ValueError("its answer is too long")
        read = json.loads(content)
        if not isinstance(read, dict):
            raise ValueError("its answer is no object")
        return read


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Keys are believed from the address that was set, and from no other."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 - its contract
        return None


def _opener(roots: Path | None) -> urllib.request.OpenerDirector:
    try:
        context = ssl.create_default_context(cafile=str(roots) if roots else None)
    except (OSError, ssl.SSLError) as error:
        raise OnRecordError(
            ErrorCode.SETTINGS_INVALID, f"{roots} holds no certificate", field="token_keys_roots"
        ) from error
    return urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=context),
        urllib.request.ProxyHandler({}),
        _NoRedirect,
    )


def _check_address(address: str) -> None:
    """HTTPS; plain HTTP on this machine only. Raises SETTINGS_INVALID."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return
    raise OnRecordError(
        ErrorCode.SETTINGS_INVALID,
        "the identity provider is asked over https (http on this machine alone)",
        field="token_keys",
    )
