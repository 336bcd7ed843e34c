"""An identity process of its own, with the engines that it needs."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.engines.folders import SocketFolder
from cli.engines.postgres import Postgres
from cli.engines.valkey import LogValkey
from cli.up.ports import free_address

if TYPE_CHECKING:
    from collections.abc import Generator

_START_S = 30


@dataclass(frozen=True, slots=True)
class Serving:
    """A running identity service."""

    address: str
    secret: str
    pid: int
    postgres_url: str
    sealing_key_file: str


@contextmanager
def serving() -> Generator[Serving]:
    """Run it until the block ends."""
    with tempfile.TemporaryDirectory(prefix="siq-bench-") as name:
        folder = Path(name)
        sockets = SocketFolder.of(folder)
        path = sockets.create()
        postgres = Postgres(folder / "postgres", path, durable=False)
        log = LogValkey(folder / "log", path)
        address, secret = free_address(), secrets.token_urlsafe(32)
        key_file = str(folder / "sealing.key")
        env = {
            **os.environ,
            "SIQ_MESH_SECRET": secret,
            "SIQ_POSTGRES_URL": postgres.start(),
            "SIQ_LOG_URL": log.start(),
            "SIQ_SEALING_KEY_FILE": key_file,
            "SIQ_LISTEN": address,
            "SIQ_LOG_LEVEL": "ERROR",
        }
        process = subprocess.Popen([sys.executable, "-m", "services.identity"], env=env)
        try:
            _wait_for(address, process)
            yield Serving(address, secret, process.pid, postgres.url, key_file)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(25)
            log.stop()
            postgres.stop()
            sockets.remove()


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection((host, int(port)), 1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise click.ClickException("identity did not start; see above") from None
            time.sleep(0.05)
        else:
            return
