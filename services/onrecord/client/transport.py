"""One call over HTTP: the token, the answer, the error."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from onrecord.client.errors import refused, unreachable

Token = str | Callable[[], str] | None
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)


class Transport:
    """Asks for the token at every call, since tokens live for minutes."""

    def __init__(self, base_url: str, token: Token, http: httpx.Client | None) -> None:
        self._base = base_url.rstrip("/")
        self._token = token
        self._http = http or httpx.Client(timeout=_TIMEOUT)
        self._owned = http is None

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        content: bytes | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
    ) -> httpx.Response:
        """Raises `ClientError` for anything but success."""
        sent = dict(headers or {})
        token = self._token() if callable(self._token) else self._token
        if token:
            sent["Authorization"] = f"Bearer {token}"
        try:
            response = self._http.request(
                method,
                self._base + path,
                headers=sent,
                params=dict(params) if params else None,
                json=json,
                content=content,
                files=dict(files) if files else None,
            )
        except httpx.TransportError as error:
            raise unreachable(error) from error
        if not response.is_success:
            raise refused(response)
        return response

    def pages(
        self, path: str, name: str, after: str | int, params: Mapping[str, Any]
    ) -> Iterator[Any]:
        """What stands under `name` on every page, from the cursor `after` on ('' for the first)."""
        cursor: str | int | None = after
        while cursor is not None:
            sent = {**params, "after": cursor} if cursor != "" else dict(params)
            page = self.call("GET", path, params=sent).json()
            yield from page[name]
            cursor = page["next"]

    def close(self) -> None:
        """Close the connection pool, unless it was given."""
        if self._owned:
            self._http.close()
