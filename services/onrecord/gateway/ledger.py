"""The public ledger and the auditors' view of its bodies."""

from collections.abc import Sequence

from onrecord.chassis.objects import ObjectStore
from onrecord.contracts.audit import Audit, LoggedBody
from onrecord.gateway.callers import Caller
from onrecord.gateway.limits import Limits
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.vocabulary import Role
from onrecord.proof.tiles import CHECKPOINT_PATH, TileObject


class PublicLedger:
    """Serves what audit has published, byte for byte. The objects stand under their C2SP paths."""

    def __init__(self, *, audit: Audit, objects: ObjectStore, limits: Limits) -> None:
        self._audit = audit
        self._objects = objects
        self._limits = limits

    def checkpoint(self) -> bytes:
        """The newest published checkpoint (a signed note). Raises NOT_FOUND before the first."""
        return self._objects.get(CHECKPOINT_PATH)

    def tile(self, path: str) -> bytes:
        """A tile or entry bundle, by its path after `tile/`. Raises NOT_FOUND."""
        return self._objects.get(TileObject.parse(f"tile/{path}").path)

    def bodies(self, caller: Caller, after: int, limit: int) -> Sequence[LoggedBody]:
        """Bodies with index ≥ `after`. Raises ROLE_MISSING for anyone but auditors."""
        caller.require(Role.AUDITOR)
        deadline = Deadline.after(self._limits.call_seconds)
        return self._audit.bodies(after, limit, caller.token, deadline)
