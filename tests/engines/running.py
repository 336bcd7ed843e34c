"""Run a process of the mesh as operators do, for tests: start, wait until ready, stop by id."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

ROOT = Path(__file__).parents[2]
MESH_SECRET = "a-secret-of-tests-at-least-32-bytes-long"


class Running:
    """One process."""

    def __init__(self, module: str, env: Mapping[str, str]) -> None:
        self.module = module
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}",
                "SIQ_MESH_SECRET": MESH_SECRET,
                **env,
            },
        )

    async def ready(self, address: str, within_s: float = 20.0) -> None:
        """Wait until the gRPC health of `address` says SERVING."""
        async with grpc.aio.insecure_channel(address) as channel, asyncio.timeout(within_s):
            stub: Any = health_pb2_grpc.HealthStub(channel)
            while True:
                assert self.process.poll() is None, (
                    f"{self.module} ended: {self.process.returncode}"
                )
                try:
                    answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=1)
                    if answer.status == health_pb2.HealthCheckResponse.SERVING:
                        return
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.05)

    def signal(self, signum: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(signum)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(25)
