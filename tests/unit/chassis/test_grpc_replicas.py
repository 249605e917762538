"""A service that runs twice is called at both its addresses (R-45)."""

from pathlib import Path

import grpc
import pytest

from onrecord.chassis.certificates import LocalAuthority
from onrecord.chassis.grpc import GrpcServer, ServerSettings, open_channel
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.vocabulary import Service
from tests.builders.servers import LOG
from tests.unit.chassis.test_grpc import ALLOWED, call, register


def serving(authority: LocalAuthority, name: bytes) -> tuple[GrpcServer, int]:
    server = GrpcServer(
        ServerSettings("127.0.0.1:0", 4), authority.issue(Service.AUDIT), ALLOWED, LOG
    )
    server.add(register(lambda _sent, _context: name))
    return server, server.start()


def answers(channel: grpc.Channel, wanted: set[bytes]) -> set[bytes]:
    """Who answers, asked until all of `wanted` have, and as often again."""
    found: set[bytes] = set()
    deadline = Deadline.after(20)
    while not wanted <= found:
        assert deadline.remaining() > 0, found
        try:
            found.add(call(channel, wait=True))
        except OnRecordError:
            continue  # cut off with the one that ended
    return {call(channel, wait=True) for _ in range(8)}


@pytest.mark.parametrize("ended", [0, 1])
def test_both_have_their_share_and_one_takes_all_when_the_other_is_gone(
    tmp_path: Path, ended: int
) -> None:
    authority = LocalAuthority.open(tmp_path)
    names = [b"first", b"second"]
    running = [serving(authority, name) for name in names]
    target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for _, port in running)
    try:
        with open_channel(target, authority.issue(Service.GATEWAY), Service.AUDIT) as channel:
            assert answers(channel, set(names)) == set(names)
            running[ended][0].stop(grace=0.0)
            left = names[1 - ended]
            assert answers(channel, {left}) == {left}
    finally:
        running[1 - ended][0].stop(grace=0.0)
