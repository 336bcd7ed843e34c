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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving() -> Generator[Serving]:
    """Run it until the block ends."""
    with tempfile.TemporaryDirectory(prefix="siq-bench-") as name:
        folder = Path(name)
        sockets = SocketFolder.of(folder)
        path = sockets.create()
        postgres = Postgres(folder / "postgres", path, durable=False)
        log = LogValkey(folder / "log", path)
        port, secret = _free_port(), secrets.token_urlsafe(32)
        key_file = str(folder / "sealing.key")
        env = {
            **os.environ,
            "SIQ_MESH_SECRET": secret,
            "SIQ_POSTGRES_URL": postgres.start(),
            "SIQ_LOG_URL": log.start(),
            "SIQ_SEALING_KEY_FILE": key_file,
            "SIQ_LISTEN": f"127.0.0.1:{port}",
            "SIQ_LOG_LEVEL": "ERROR",
        }
        process = subprocess.Popen([sys.executable, "-m", "services.identity"], env=env)
        try:
            _wait_for(port, process)
            yield Serving(env["SIQ_LISTEN"], secret, process.pid, postgres.url, key_file)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(25)
            log.stop()
            postgres.stop()
            sockets.remove()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise click.ClickException("identity did not start; see above") from None
            time.sleep(0.05)
        else:
            return
