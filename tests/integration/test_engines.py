"""The engines themselves: what they promise holds on the real ones."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import asyncpg
import grpc.aio
import pytest
import redis.asyncio as redis
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cli.engines import (
    Command,
    Engine,
    EngineError,
    LogValkey,
    Postgres,
    SocketFolder,
    StateValkey,
)
from cli.engines.folders import unprivileged


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not tmp_path: its name is long, which is the case worth having for the data folder.
    path = Path(tempfile.mkdtemp(prefix="siq-engine-test-")) / ("long-" * 20)
    path.mkdir()
    yield path
    shutil.rmtree(path.parent)


@pytest.fixture
def sockets(folder: Path) -> Iterator[Path]:
    made = SocketFolder.of(folder)
    yield made.create()
    made.remove()


async def test_postgres_keeps_rows_over_a_restart(folder: Path, sockets: Path) -> None:
    engine = Postgres(folder / "postgres", sockets, durable=False)
    for expected in (1, 2):
        try:
            connection: Any = await cast("Any", asyncpg).connect(engine.start())
            await connection.execute("CREATE TABLE IF NOT EXISTS t (n int)")
            await connection.execute("INSERT INTO t VALUES (1)")
            assert await connection.fetchval("SELECT count(*) FROM t") == expected
            await connection.close()
        finally:
            engine.stop()
    assert engine.pid is None


async def test_postgres_starts_after_a_kill_and_ends_the_leftover(
    folder: Path, sockets: Path
) -> None:
    first = Postgres(folder / "postgres", sockets, durable=False)
    first.start()
    assert first.pid is not None
    second = Postgres(folder / "postgres", sockets, durable=False)
    try:
        second.start()
        connection: Any = await cast("Any", asyncpg).connect(second.url)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
    finally:
        second.stop()
        first.stop()


async def test_log_keeps_what_it_answered_when_killed(folder: Path, sockets: Path) -> None:
    engine = LogValkey(folder / "log", sockets)
    engine.start()
    client = redis.Redis.from_url(engine.url, protocol=2)
    await client.xadd("siq:log:test:0", {"e": "kept"})
    await client.aclose()
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    engine.stop()
    try:
        client = redis.Redis.from_url(engine.start(), protocol=2)
        assert await client.xlen("siq:log:test:0") == 1
        await client.aclose()
    finally:
        engine.stop()


async def test_log_server_has_the_settings_that_acks_rest_on(log_url: str) -> None:
    client = redis.Redis.from_url(log_url, protocol=2)
    settings = await client.config_get("*")
    await client.aclose()
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["maxmemory"] == str(2 * 1024**3)
    assert settings["auto-aof-rewrite-percentage"] == "0"


async def test_state_server_keeps_nothing(folder: Path, sockets: Path) -> None:
    engine = StateValkey(folder / "state", sockets)
    engine.start()
    client = redis.Redis.from_url(engine.url, protocol=2)
    await client.set("k", "v")
    await client.aclose()
    engine.stop()
    try:
        client = redis.Redis.from_url(engine.start(), protocol=2)
        assert await client.get("k") is None
        await client.aclose()
    finally:
        engine.stop()


@pytest.mark.parametrize("kind", [Postgres, StateValkey, LogValkey])
def test_engine_runs_in_a_session_of_its_own(
    kind: type[Engine], folder: Path, sockets: Path
) -> None:
    engine = kind(folder / "data", sockets)
    try:
        engine.start()
        assert engine.pid is not None
        assert os.getsid(engine.pid) == engine.pid
        assert engine.healthy()
    finally:
        engine.stop()
    assert not engine.healthy()


def test_data_of_another_postgres_is_refused_with_the_mend(folder: Path, sockets: Path) -> None:
    data = folder / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(EngineError, match=r"is of PostgreSQL 16, this is 18.*start afresh"):
        Postgres(data, sockets).start()


def test_engine_that_cannot_start_says_its_last_words(folder: Path, sockets: Path) -> None:
    engine = Postgres(folder / "postgres", sockets, durable=False)
    engine.start()
    engine.stop()
    (folder / "postgres" / "postgresql.conf").write_text("shared_buffers = nonsense\n")
    with pytest.raises(EngineError, match=r"postgres did not start:\n.*shared_buffers"):
        engine.start()


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="util-linux's setpriv is not here")
def test_engine_ends_with_the_process_that_started_it(folder: Path) -> None:
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from cli.engines import SocketFolder, StateValkey\n"
        "folder = Path(sys.argv[1])\n"
        "engine = StateValkey(folder / 'state', SocketFolder.of(folder).create())\n"
        "engine.start()\n"
        "print(engine.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=False
    )
    assert int(done.stdout) > 0
    sockets = SocketFolder.of(folder)
    orphan = StateValkey(folder / "state", sockets.path)
    # The kernel sends it SIGTERM; the test's timeout bounds the wait for its exit.
    while orphan.healthy():
        os.sched_yield()
    sockets.remove()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_root_lets_postgres_pass_to_a_private_folder_and_no_more(folder: Path) -> None:
    folder.chmod(0o700)
    sockets = SocketFolder.of(folder)
    engine = Postgres(folder / "postgres", sockets.create(), durable=False)
    try:
        engine.start()
        assert engine.healthy()
        assert folder.stat().st_mode & 0o077 == 0o001
        assert (folder / "postgres").stat().st_mode & 0o077 == 0
    finally:
        engine.stop()
        sockets.remove()


class _Serving(health_pb2_grpc.HealthServicer):
    async def Check(self, request: Any, context: Any) -> health_pb2.HealthCheckResponse:
        return health_pb2.HealthCheckResponse()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a child as somebody else")
async def test_a_child_of_another_user_starts_beside_grpc() -> None:
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(_Serving(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)

        async def talk() -> None:
            while True:
                await stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
                await asyncio.sleep(0.005)

        talking = asyncio.create_task(talk())
        command = Command(("true",), owner=unprivileged())
        ends = [
            await asyncio.to_thread(subprocess.call, command.argv, **command.spawn_options())
            for _ in range(40)
        ]
        assert not talking.done()
        talking.cancel()
    await server.stop(None)
    assert ends == [0] * 40
