"""After a start: finish what the last process did not (R-22)."""

import logging

from onrecord.gateway.endings import Endings
from onrecord.gateway.limits import Limits
from onrecord.gateway.planes import PlaneDirectory
from onrecord.gateway.receipts import ReceiptCourier
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import OnRecordError

_log = logging.getLogger(__name__)


class Recovery:
    """Repeatable, and harmless beside another gateway that does the same."""

    def __init__(
        self, endings: Endings, courier: ReceiptCourier, planes: PlaneDirectory, limits: Limits
    ) -> None:
        self._endings = endings
        self._courier = courier
        self._planes = planes
        self._limits = limits

    def run(self) -> None:
        """Deliver receipts left behind, then settle every search that is on its way.

        What is out of reach is left for later: each search does both for itself.
        """
        try:
            deadline = Deadline.after(self._limits.call_seconds)
            for gallery in self._planes.all(deadline):
                plane = self._planes.of(gallery.jurisdiction, deadline)
                self._courier.deliver_outstanding(gallery.jurisdiction, plane, deadline)
        except OnRecordError as error:
            _log.warning("receipts not delivered", extra={"code": error.code.value})
        self._endings.recover()
