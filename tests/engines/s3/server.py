"""A real S3 server on loopback: versitygw over a folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from cli.engines import Command, Engine
from cli.up.ports import free_port
from tests.engines.s3.binary import binary

BUCKET = "siq"
_USER, _PASSWORD = "tester", "a-password-of-tests"


class S3Server(Engine):
    """Started again, it has its port and its data. It has one bucket."""

    name = "s3"

    def __init__(self, data: Path) -> None:
        super().__init__(data, data)
        self._port = free_port()
        self._buckets, self._side = self.data / "buckets", self.data / "side"

    @property
    def port(self) -> int:
        """On 127.0.0.1."""
        return self._port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def environ(self, endpoint: str = "") -> Mapping[str, str]:
        """What a client needs of it in the environment."""
        return {
            "AWS_ACCESS_KEY_ID": _USER,
            "AWS_SECRET_ACCESS_KEY": _PASSWORD,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": endpoint or self.url,
        }

    def prepare(self) -> None:
        (self._buckets / BUCKET).mkdir(parents=True, exist_ok=True)
        self._side.mkdir(exist_ok=True)

    def command(self) -> Command:
        # What S3 keeps beside an object goes into a folder: not every volume has attributes.
        keep = ("posix", "--sidecar", str(self._side), str(self._buckets))
        return Command(
            (str(binary()), "--port", f"127.0.0.1:{self._port}", "--quiet", *keep),
            env={**os.environ, "ROOT_ACCESS_KEY": _USER, "ROOT_SECRET_KEY": _PASSWORD},
        )

    def healthy(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self._port)) == 0
