"""Who calls: the bearer token, verified, and what it lets its owner do here.

The audit service verifies the same token again and believes only that (law 10); this check is
what turns strangers away before anything else happens.
"""

from dataclasses import dataclass, field

from onrecord.chassis.tokens import TokenVerifier
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified person, the token that travels on with the call, and the request's id."""

    claims: Claims
    token: str = field(repr=False)
    request_id: str

    @property
    def person(self) -> str:
        return self.claims.person

    def require(self, role: Role) -> None:
        """Raises ROLE_MISSING."""
        if role not in self.claims.roles:
            raise OnRecordError(
                ErrorCode.ROLE_MISSING, f"this needs the role {role.value}", field="roles"
            )

    def require_custodian(self, gallery: str) -> None:
        """Raises ROLE_MISSING, or CALLER_NOT_ALLOWED for the custodian of another gallery."""
        self.require(Role.CUSTODIAN)
        if self.claims.gallery != gallery:
            raise OnRecordError(
                ErrorCode.CALLER_NOT_ALLOWED, f"you are not a custodian of {gallery}"
            )


class Callers:
    """Reads the `Authorization` header."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    def identify(self, authorization: str | None, request_id: str) -> Caller:
        """Raises TOKEN_MISSING, or what the verifier raises."""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise OnRecordError(ErrorCode.TOKEN_MISSING, "send a bearer token")
        return Caller(self._verifier.verify(token), token, request_id)
