"""Who may change a gallery, and who may look after one (law 10)."""

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import Role


def require_custodian(claims: Claims, gallery: str) -> None:
    """Raises ROLE_MISSING, or CALLER_NOT_ALLOWED for the custodian of another gallery."""
    if Role.CUSTODIAN not in claims.roles:
        raise OnRecordError(ErrorCode.ROLE_MISSING, "this is a custodian's act")
    if claims.gallery != gallery:
        raise OnRecordError(ErrorCode.CALLER_NOT_ALLOWED, f"you are not a custodian of {gallery}")


def require_upkeep(claims: Claims, gallery: str) -> None:
    """For what changes nothing that the state has decided: the gallery's custodian, or an operator.

    Raises as `require_custodian`.
    """
    if Role.OPERATOR not in claims.roles:
        require_custodian(claims, gallery)


def as_person(claims: Claims) -> dict[str, str]:
    """The person, as statements and entries name one."""
    return {
        "person": claims.person,
        "agency": claims.agency,
        "subject": claims.subject,
        "token_id": claims.token_id,
    }
