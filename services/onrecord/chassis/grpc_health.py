"""`grpc.health.v1`, for platforms that probe a gRPC service by its own port.

The same readiness as at the health port, over the same mutual TLS as every call: any certificate
of the installation may ask, so that a probe needs no other. A probe takes none of the places among
the calls at work. There is no `Watch`: gRPC answers UNIMPLEMENTED, and who probes asks again. (A
kubelet's own gRPC probes speak no TLS; it asks `/readyz`.)
"""

from typing import Final

import grpc
from grpc_health.v1 import health_pb2

from onrecord.chassis.health import Health
from onrecord.kernel.errors import ErrorCode, OnRecordError

_SERVICE: Final = "grpc.health.v1.Health"
CHECK: Final = f"/{_SERVICE}/Check"


class GrpcHealth:
    """Answers for the whole process (the empty name) and for `contract`, its full gRPC name."""

    def __init__(self, health: Health, contract: str) -> None:
        self._health = health
        self._names = frozenset({"", contract})

    def check(
        self, request: health_pb2.HealthCheckRequest, _: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """Raises NOT_FOUND for a service that is not served here, as the protocol has it."""
        if request.service not in self._names:
            raise OnRecordError(ErrorCode.NOT_FOUND, "no such service is served here")
        said = health_pb2.HealthCheckResponse
        return said(status=said.SERVING if self._health.ready() else said.NOT_SERVING)

    def register(self, server: grpc.Server) -> None:
        check = grpc.unary_unary_rpc_method_handler(
            self.check,
            health_pb2.HealthCheckRequest.FromString,
            health_pb2.HealthCheckResponse.SerializeToString,
        )
        handler = grpc.method_handlers_generic_handler(_SERVICE, {"Check": check})
        server.add_generic_rpc_handlers((handler,))
