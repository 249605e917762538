"""How entries name who acted, and what a person must be to act."""

from datetime import datetime

from onrecord.audit.core.guards import training_problem
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import Role, Service


def person(claims: Claims) -> dict[str, str]:
    """`by` for a person, from the verified token alone."""
    return {
        "person": claims.person,
        "agency": claims.agency,
        "subject": claims.subject,
        "token_id": claims.token_id,
    }


def service(name: Service) -> dict[str, str]:
    """`by` for a service."""
    return {"service": name.value}


def require_role(claims: Claims, role: Role) -> None:
    """Raises ROLE_MISSING."""
    if role not in claims.roles:
        raise OnRecordError(
            ErrorCode.ROLE_MISSING,
            f"this takes the role {role.value}, which the token does not name",
            details={"role": role.value},
        )


def require_custodian(claims: Claims, jurisdiction: str) -> None:
    """A custodian acts for their own gallery alone. Raises ROLE_MISSING."""
    require_role(claims, Role.CUSTODIAN)
    if claims.gallery != jurisdiction:
        raise OnRecordError(
            ErrorCode.ROLE_MISSING,
            f"the token does not make its bearer custodian of {jurisdiction}",
        )


def require_training(claims: Claims, now: datetime) -> None:
    """R-12. Raises TRAINING_MISSING or TRAINING_EXPIRED."""
    problem = training_problem(claims.training_completed, now.date())
    if problem is not None:
        raise OnRecordError(problem.code, problem.message)
