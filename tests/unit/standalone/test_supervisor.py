"""The supervisor: all processes, or none."""

import contextlib
import http.client
import json
import os
import socket
import ssl
from pathlib import Path
from typing import Any, cast

import pytest
from grpc_health.v1 import health_pb2

from onrecord.chassis.grpc import open_channel
from onrecord.chassis.identity_files import read_identity
from onrecord.chassis.lifecycle import StopSignals
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.plan import ONE_PLANE, ProcessPlan, plan
from onrecord.standalone.supervisor import Supervisor

WAIT = 30.0


@pytest.fixture
def audit(tmp_path: Path) -> ProcessPlan:
    """The plan of an audit process: it needs no model, so it is up in a moment."""
    folder = DataFolder(tmp_path)
    folder.prepare()
    return plan(
        folder,
        tmp_path / "models",
        ONE_PLANE,
        host="127.0.0.1",
        port=0,
        origin="localhost/onrecord",
        inference_threads=1,
    )[0]


def asked_of(address: str, path: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(address, timeout=WAIT)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def serves(audit: ProcessPlan) -> bool:
    """What gRPC's own health check says, asked with the service's own certificate."""
    files = [
        Path(str(audit.settings[name])) for name in ("certificate", "certificate_key", "roots")
    ]
    with open_channel(
        audit.address, read_identity(Service.AUDIT, *files), Service.AUDIT
    ) as channel:
        check = cast(
            "Any",
            channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                health_pb2.HealthCheckRequest.SerializeToString,
                health_pb2.HealthCheckResponse.FromString,
            ),
        )
        asked = health_pb2.HealthCheckRequest(service="onrecord.rpc.v1.Audit")
        said = check(asked, timeout=WAIT, wait_for_ready=True)
        return bool(said.status == health_pb2.HealthCheckResponse.SERVING)


def started(audit: ProcessPlan) -> tuple[Supervisor, list[str]]:
    told: list[str] = []
    supervisor = Supervisor([audit])
    assert supervisor.start(StopSignals(), told.append)
    return supervisor, told


def test_started_ready_and_stopped(audit: ProcessPlan) -> None:
    """R-45: ready means ready; SIGTERM ends it cleanly, with everything on disk."""
    supervisor, told = started(audit)
    (running,) = supervisor.running
    assert told[0].startswith("audit is ready after ")
    assert asked_of(audit.health, "/healthz")[0] == 200
    status, said = asked_of(audit.health, "/readyz")
    assert (status, said["status"]) == (200, "ready")
    assert said["checks"]["database"] == "ok"
    assert said["consumers"] == {"the ledger's consumer": "ok"}
    assert serves(audit)
    assert supervisor.close()
    assert running.process.returncode == 0
    said = audit.log.read_text("utf-8")
    assert "stopped; everything acknowledged is on disk" in said
    assert "Traceback" not in said
    assert supervisor.close(), "repeatable"


def test_one_that_dies_is_named(audit: ProcessPlan) -> None:
    supervisor, _ = started(audit)
    (running,) = supervisor.running
    running.process.kill()
    assert supervisor.watch(StopSignals()) is audit
    assert not supervisor.close()


def test_no_process_outlives_its_supervisor(audit: ProcessPlan) -> None:
    """A supervisor that is killed leaves nothing behind that holds its ports and databases."""
    supervisor, _ = started(audit)
    (running,) = supervisor.running
    assert running.process.stdin is not None
    running.process.stdin.close()  # what the kernel does when the supervisor is gone
    assert running.process.wait(WAIT) == 0


def test_one_that_cannot_start_says_why(audit: ProcessPlan) -> None:
    """SETTINGS_INVALID, in the words of `onrecord serve`, and no stack trace."""
    audit.config.write_text(audit.config.read_text("utf-8") + "thread = 4\n", "utf-8")
    with pytest.raises(OnRecordError) as raised:
        Supervisor([audit]).start(StopSignals(), lambda _: None)
    assert raised.value.code is ErrorCode.INTERNAL
    assert "settings_invalid (thread)" in raised.value.message
    assert "Traceback" not in raised.value.message


def test_settings_of_the_shell_do_not_reach_one_of_several(
    audit: ProcessPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONRECORD_AUDIT_NO_SUCH_SETTING", "1")
    assert "ONRECORD_AUDIT_NO_SUCH_SETTING" in os.environ
    supervisor, _ = started(audit)
    assert supervisor.close()


def test_nobody_without_a_certificate_is_answered(audit: ProcessPlan) -> None:
    """Mutual TLS always: without a certificate, there is no connection to speak over."""
    supervisor, _ = started(audit)
    host, _, port = audit.address.rpartition(":")
    stranger = ssl.create_default_context(cafile=str(audit.settings["roots"]))
    stranger.check_hostname = False
    stranger.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((host, int(port)), timeout=WAIT) as plain,
            contextlib.suppress(ssl.SSLError, ConnectionResetError),
            stranger.wrap_socket(plain) as secured,
        ):
            # In TLS 1.3 the refusal arrives with the first thing that is read; whoever is let in
            # hears HTTP/2's settings first.
            assert secured.recv(4096) == b""
    finally:
        assert supervisor.close()
