"""A real Kafka broker, its own controller (KRaft), in at most 512 MB of heap."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from cli.engines import Command, Engine, EngineError
from tests.engines.kafka.jars import jars

_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # As in production: topics are made on purpose, with their number of partitions.
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "log.index.size.max.bytes": "1048576",
    "log.cleaner.dedupe.buffer.size": "8388608",
    "num.network.threads": "2",
    "num.io.threads": "4",
}
# Compiled once and not well: a test is over before more would pay.
_QUICK = ("-XX:TieredStopAtLevel=1", "-Xshare:auto")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker(Engine):
    """One broker on loopback. Started again, it has its port and its data."""

    name = "kafka"
    ready_s = 90.0  # a JVM that starts beside everything else

    def __init__(self, data: Path) -> None:
        super().__init__(data, data)
        self._port, self._controller = _free_port(), _free_port()
        self._java = ("java", "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", *_QUICK)

    @property
    def address(self) -> str:
        """host:port of its clients."""
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"kafka://{self.address}"

    @property
    def _file(self) -> Path:
        return self.data / "server.properties"

    def prepare(self) -> None:
        if self._file.exists():
            return
        self.data.mkdir(parents=True)
        settings = _SETTINGS | {
            "log.dirs": str(self.data / "logs"),
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self._controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
        }
        self._file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        name = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        tool = ("kafka.tools.StorageTool", "format", "-t", f"A{name[1:]}", "-c", str(self._file))
        done = subprocess.run(
            (*self._java, "-cp", f"{jars()}/*", *tool), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise EngineError(f"Kafka's storage was not formatted: {done.stdout}{done.stderr}")

    def command(self) -> Command:
        return Command(
            (*self._java, "-cp", f"{jars()}/*", "kafka.Kafka", str(self._file)), cwd=self.data
        )

    def healthy(self) -> bool:
        """Whether it answers with itself as a broker."""
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", self._port)):
                return False
        try:
            admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
            return bool(admin.list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    def remove_topics(self, prefix: str) -> None:
        """Remove what was made under a prefix: hundreds of partitions make a broker slow to end."""
        admin: Any = AdminClient({"bootstrap.servers": self.address})
        names = [name for name in admin.list_topics().topics if name.startswith(f"{prefix}.")]
        for removed in admin.delete_topics(names).values() if names else ():
            removed.result()
