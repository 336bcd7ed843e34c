"""A detection process of its own, on one core, with the engines that it needs."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.engines.folders import SocketFolder
from cli.engines.valkey import LogValkey, StateValkey
from cli.up.ports import free_address
from services.common import state
from services.common.ownership import LeaseStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

START_S = 30


@dataclass(frozen=True)
class Detection:
    """A detection process that holds every partition."""

    address: str
    secret: str
    pid: int
    epochs: dict[int, int]
    """Epoch of each partition's lease."""

    def cpu_s(self) -> float:
        """Return the seconds of processor time that the process has taken, all threads."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        # To the nanosecond: a round of empty requests is over within a tick of /proc/PID/stat.
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


@asynccontextmanager
async def running(core: int) -> AsyncGenerator[Detection]:
    """Run detection on a core until the block ends."""
    with tempfile.TemporaryDirectory(prefix="siq-bench-") as folder:
        sockets = SocketFolder.of(Path(folder))
        log = LogValkey(Path(folder) / "log", sockets.create())
        store = StateValkey(Path(folder) / "state", sockets.path)
        address, secret = free_address(), secrets.token_urlsafe(32)
        env = {
            **os.environ,
            "SIQ_MESH_SECRET": secret,
            "SIQ_LOG_URL": log.start(),
            "SIQ_STATE_URL": store.start(),
            "SIQ_LISTEN": address,
            # No settings of tenants: nobody listens there.
            "SIQ_IDENTITY_ADDR": free_address(),
            "SIQ_SNAPSHOT_S": "3600",
            "SIQ_LOG_LEVEL": "ERROR",
        }
        # Nothing else runs on this loop yet.
        process = subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, "-m", "services.detection"],
            env=env,
            start_new_session=True,  # as `sentientiq up` does
        )
        os.sched_setaffinity(process.pid, {core})
        try:
            yield Detection(address, secret, process.pid, await _epochs(store.url, address))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(25)
            log.stop()
            store.stop()
            sockets.remove()


async def _epochs(url: str, address: str) -> dict[int, int]:
    client = state.connect(url)
    try:
        async with asyncio.timeout(START_S):
            while True:
                leases = await LeaseStore(client).owners()
                held = {p: lease.epoch for p, lease in leases.items() if lease.endpoint == address}
                if len(held) == 64:
                    return held
                await asyncio.sleep(0.05)
    finally:
        await client.aclose()
