"""The planes that settings name, as clients."""

from collections.abc import Sequence
from contextlib import ExitStack

from onrecord.chassis.certificates import IdentitySource
from onrecord.chassis.grpc import open_channel
from onrecord.chassis.settings import PlanesSettings
from onrecord.clients.vector_search import PlaneClient
from onrecord.kernel.vocabulary import Service


def plane_clients(
    settings: PlanesSettings, identity: IdentitySource, stack: ExitStack
) -> Sequence[PlaneClient]:
    """A client for each plane, in the order of the setting; channels are closed with `stack`."""
    clients = []
    for plane in settings.planes:
        channel = open_channel(plane.address, identity, Service.VECTOR_SEARCH)
        stack.callback(channel.close)
        clients.append(PlaneClient(channel))
    return clients
