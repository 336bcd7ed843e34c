"""A real Kafka broker, its own controller (KRaft), in at most 512 MB of heap."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from cli.engines import Command, Engine, EngineError
from cli.up.ports import free_port
from services.pipeline.threads import Threads
from tests.engines.kafka.jars import jars

T = TypeVar("T")
_ASK_S = 20.0
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
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


@dataclass(frozen=True, slots=True)
class Listener:
    """One more way in: where the broker listens, and where it sends its clients."""

    port: int
    advertised: int
    protocol: str = "PLAINTEXT"
    settings: Mapping[str, str] = field(default_factory=dict[str, str])


class Broker(Engine):
    """One broker on loopback. Started again, it has its port and its data."""

    name = "kafka"
    ready_s = 90.0  # a JVM that starts beside everything else

    def __init__(
        self,
        data: Path,
        more: Mapping[str, Listener] | None = None,
        users: Mapping[str, str] | None = None,
    ) -> None:
        """`users` sign in by SCRAM-SHA-512 where a listener asks for it: name and password."""
        super().__init__(data, data)
        self._more, self._users = more or {}, users or {}
        self._port, self._controller = free_port(), free_port()
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
        settings = (
            _SETTINGS
            | {
                "log.dirs": str(self.data / "logs"),
                "controller.quorum.voters": f"1@127.0.0.1:{self._controller}",
            }
            | self._listeners()
        )
        self._file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        name = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        tool: tuple[str, ...] = (
            "kafka.tools.StorageTool",
            "format",
            "-t",
            f"A{name[1:]}",
            "-c",
            str(self._file),
        )
        for user, password in self._users.items():
            tool += ("--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]")
        done = subprocess.run(
            (*self._java, "-cp", f"{jars()}/*", *tool), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise EngineError(f"Kafka's storage was not formatted: {done.stdout}{done.stderr}")

    def _listeners(self) -> dict[str, str]:
        plain = {"PLAINTEXT": Listener(self._port, self._port), **self._more}
        heard = {name: one.port for name, one in plain.items()} | {"CONTROLLER": self._controller}
        settings = {
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in heard.items()),
            "advertised.listeners": ",".join(
                f"{name}://127.0.0.1:{one.advertised}" for name, one in plain.items()
            ),
            "listener.security.protocol.map": ",".join(
                ["CONTROLLER:PLAINTEXT"] + [f"{name}:{one.protocol}" for name, one in plain.items()]
            ),
        }
        for name, one in self._more.items():
            settings |= {f"listener.name.{name.lower()}.{k}": v for k, v in one.settings.items()}
        return settings

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

        def ask() -> bool:
            with AdminClient({"bootstrap.servers": self.address, "log_level": 0}) as admin:
                return bool(admin.list_topics(timeout=1).brokers)

        try:
            return _beside(ask)
        except (KafkaException, TimeoutError):
            return False

    def remove_topics(self, prefix: str) -> None:
        """Remove what was made under a prefix: hundreds of partitions make a broker slow to end."""

        def remove() -> None:
            with AdminClient({"bootstrap.servers": self.address}) as client:
                admin: Any = client
                topics = admin.list_topics(timeout=_ASK_S).topics
                names = [name for name in topics if name.startswith(f"{prefix}.")]
                for removed in admin.delete_topics(names).values() if names else ():
                    removed.result(_ASK_S)

        _beside(remove)


def _beside(call: Callable[[], T]) -> T:
    """Call in a thread that can be left: librdkafka waits in C, where no alarm of a test is heard,
    and sometimes for ever when it lets go of a client (confluentinc/librdkafka#4519, #5476)."""
    thread = Threads(1, "kafka-admin")
    asked = thread.submit(call)
    thread.shutdown(wait=False)
    return asked.result(3 * _ASK_S)
