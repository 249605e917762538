"""What the command settles before it imports anything that serves."""

import os
import subprocess
import sys
from pathlib import Path

STRANGER = r"""
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from onrecord.cli.main import main

folder = Path(sys.argv.pop())
sys.argv.append("--version")
try:
    main()
except SystemExit as ended:
    assert ended.code == 0

import grpc
from onrecord.chassis.certificates import LocalAuthority
from onrecord.kernel.vocabulary import Service

identity = LocalAuthority.open(folder).issue(Service.AUDIT)
server = grpc.server(ThreadPoolExecutor(1))
pair = (identity.key_pem, identity.chain_pem)
port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
server.start()
with socket.create_connection(("127.0.0.1", port), timeout=30) as stranger:
    stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
    while stranger.recv(1024):  # until the server has had enough
        pass
server.stop(None).wait()
"""


def test_a_failed_handshake_writes_nothing_past_the_log(tmp_path: Path) -> None:
    """R-43: gRPC's core has a form of its own, and a log of objects would hold no object."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STRANGER, str(tmp_path)],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
        env={name: value for name, value in os.environ.items() if name != "GRPC_VERBOSITY"},
    )
    assert (ran.returncode, ran.stderr) == (0, "")
