"""The one process that keeps a cluster: what it started dies with it."""

import logging
import time

from deploy.local.cluster import standing
from deploy.local.cluster.cluster import Cluster, Wanted
from deploy.local.cluster.folder import ClusterFolder
from deploy.local.running import PartError
from deploy.local.tools import InstallError
from onrecord.chassis.lifecycle import StopSignals
from onrecord.kernel.errors import OnRecordError
from onrecord.standalone.lock import exclusive

_WATCH_SECONDS = 0.5
_log = logging.getLogger("onrecord.cluster")


def keep(folder: ClusterFolder, wanted: Wanted) -> int:
    """Start a cluster and keep it until somebody asks it to end, or a part of it ends by itself;
    the exit status.
    """
    folder.prepare()
    began = time.monotonic()
    with StopSignals() as signals, exclusive(folder.lock), exclusive(folder.services.lock):
        signals.at_work()
        cluster = Cluster(folder, wanted, _log.info)
        standing.write("starting", cluster)
        failed = False
        try:
            if cluster.start(signals):
                _log.info("ready in %.0f s: %s", time.monotonic() - began, cluster.gateways[0])
                standing.write("ready", cluster)
                failed = _watch(cluster, signals)
        except (InstallError, PartError, OnRecordError) as error:
            _log.error("%s", error)
            failed = True
        finally:
            standing.write("stopping", cluster)
            _log.info("stopping: each finishes what it accepted")
            clean = cluster.close()
            folder.standing.unlink()
        _log.info("stopped; everything acknowledged is on disk")
        return 1 if failed or not clean else 0


def _watch(cluster: Cluster, signals: StopSignals) -> bool:
    """Whether something ended before anybody asked."""
    while not signals.wait(_WATCH_SECONDS):
        ended = cluster.ended()
        if ended is not None:
            _log.error("%s", ended)
            return True
    return False
