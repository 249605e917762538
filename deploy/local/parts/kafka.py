"""Kafka: one node, broker and controller in one process (KRaft), from Maven."""

import base64
import socket
import struct
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.part import HOST, Launch, Place, Say
from deploy.local.registries import maven
from deploy.local.tools import InstallError, check, folder_of, once

_JAVA = ("java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Up in half the processor time: two cores are shared with everything else."""
_ANSWER_SECONDS = 1.0
_METADATA = struct.pack(">hhih4si", 3, 1, 1, 4, b"part", 0)
"""Which brokers are there? (Metadata, version 1, about no topic)"""
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{controller}
listeners=PLAINTEXT://{clients},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{clients}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL
log.dirs={logs}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""


@dataclass(frozen=True, slots=True)
class Kafka:
    """`extra`: lines of `server.properties` that follow ours, the last word where both speak; in
    them `{name}` stands for `host:port` of a port by that name, and there may be more of those.

    Topics are not made by use: whoever needs them makes them (`onrecord bus prepare`).
    """

    extra: tuple[str, ...] = field(default=())
    name: str = "kafka"
    version: str = "4.1.0"
    port_names: tuple[str, ...] = ("clients", "controller")

    def install(self, tools: Path, say: Say) -> None:
        once(tools, self.name, self.version, say, "43 MB, a quarter of a minute", self._build)

    def launch(self, place: Place) -> Launch:
        place.data.mkdir(parents=True, exist_ok=True)
        logs, properties = place.data / "logs", place.data / "server.properties"
        at = {name: place.at(name) for name in place.ports}
        lines = _PROPERTIES.format(logs=logs, **at) + "\n".join(self.extra).format(**at)
        properties.write_text(lines + "\n")
        classes = f"{folder_of(place.tools, self.name, self.version) / 'libs'}/*"
        if not (logs / "meta.properties").exists():
            _format(classes, properties)
        return Launch((*_JAVA, "-cp", classes, "kafka.Kafka", str(properties)), place.data)

    def ready(self, place: Place) -> bool:
        """Whether it names a broker that takes requests."""
        try:
            with socket.create_connection((HOST, place.ports["clients"]), _ANSWER_SECONDS) as link:
                link.sendall(struct.pack(">i", len(_METADATA)) + _METADATA)
                with link.makefile("rb") as answer:
                    _, _, brokers = struct.unpack(">iii", answer.read(12))
        except (OSError, struct.error):
            return False
        return bool(brokers > 0)

    def settle(self, place: Place) -> None:
        """Nothing: topics are the installation's."""

    def _build(self, folder: Path) -> None:
        maven(folder, f"org.apache.kafka:kafka_2.13:{self.version}")
        check(folder, f"{self.name}-{self.version}")


def _format(classes: str, properties: Path) -> None:
    """Give an empty log folder its id. Raises InstallError, with what it said."""
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    tool = (*_JAVA, "-cp", classes, "kafka.tools.StorageTool")
    done = subprocess.run(
        [*tool, "format", f"--cluster-id={cluster}", "--config", str(properties)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InstallError(f"the log folder of Kafka could not be made: {done.stderr[-2000:]}")
