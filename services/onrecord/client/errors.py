"""What a client is told when something is refused or fails."""

import httpx

UNREACHABLE = "unreachable"
"""The code where no answer came at all; `status` is 0."""
UNEXPECTED = "unexpected_answer"
"""The code where the answer is not one that a gateway gives."""


class ClientError(Exception):
    """A refusal or failure. `code` is stable; `field` names what is at fault, as a path.

    `retry_after` is in seconds, where the gateway said that waiting helps; `request_id` is what
    to quote to whoever runs it.
    """

    def __init__(
        self,
        status: int,
        code: str,
        field: str | None,
        message: str,
        *,
        details: dict[str, str | int] | None = None,
        retry_after: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.field = field
        self.message = message
        self.details: dict[str, str | int] = dict(details or {})
        self.retry_after = retry_after
        self.request_id = request_id


def unreachable(error: httpx.TransportError) -> ClientError:
    return ClientError(0, UNREACHABLE, None, str(error) or type(error).__name__)


def refused(response: httpx.Response) -> ClientError:
    """The error that RFC 9457 problem details describe."""
    request_id = response.headers.get("x-request-id")
    try:
        said = response.json()
    except ValueError:
        said = None
    if not isinstance(said, dict) or "code" not in said:
        message = f"HTTP {response.status_code} without problem details"
        return ClientError(response.status_code, UNEXPECTED, None, message, request_id=request_id)
    wait = response.headers.get("retry-after", "")
    return ClientError(
        response.status_code,
        str(said["code"]),
        said.get("field"),
        str(said.get("detail", said.get("title", ""))),
        details=said.get("details"),
        retry_after=int(wait) if wait.isdigit() else None,
        request_id=request_id,
    )
