"""Real engines for tests: started once a run, emptied after each test module, always stopped.

`postgres_url`, `state_url` and `log_url` are plain URLs; ask for the one you need.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.engines import Engine, EngineError, LogValkey, Postgres, SocketFolder, StateValkey
from cli.engines.postgres import binaries
from tests.engines.clickhouse.debian import DebianServer
from tests.engines.clickhouse.server import FrontServer
from tests.engines.kafka.broker import Broker
from tests.engines.kafka.jars import NoBroker, jars
from tests.engines.kafka.mock import MockCluster
from tests.engines.s3.binary import NoServer, binary
from tests.engines.s3.server import S3Server

# A test that keeps a transaction open past its end would make the next one hang: fail instead.
_EMPTY = """
SET lock_timeout = '10s';
SET client_min_messages = warning;
DO $$
DECLARE found text;
BEGIN
  FOR found IN SELECT nspname FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public')
  LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', found);
  END LOOP;
  DROP SCHEMA public CASCADE;
  CREATE SCHEMA public;
END $$;
"""


class Engines:
    """The engines of one run; each starts when first asked for."""

    def __init__(self, folder: Path) -> None:
        sockets = SocketFolder.of(folder)
        self._sockets = sockets
        self._folder = folder
        path = sockets.create()
        self.postgres = Postgres(folder / "postgres", path, durable=False)
        self.state = StateValkey(folder / "state", path)
        self.log = LogValkey(folder / "log", path)
        self.kafka = Broker(folder / "kafka")
        self.clickhouse = FrontServer(folder / "clickhouse")
        self.clickhouse_debian = DebianServer(folder / "clickhouse-debian")
        self.s3 = S3Server(folder / "s3")

    def url(self, engine: Engine) -> str:
        """The URL of a running engine."""
        return engine.url if engine.pid else engine.start()

    def empty(self) -> None:
        """Leave nothing of a test module behind."""
        for server in (self.clickhouse, self.clickhouse_debian):
            if server.pid:
                server.ask("DROP DATABASE IF EXISTS sentientiq")
        for valkey in (self.state, self.log):
            if valkey.pid:
                assert valkey.ask("FLUSHALL").startswith(b"+OK")
        if self.postgres.pid:
            psql = str(binaries() / "psql")
            done = subprocess.run(
                [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", self.postgres.url],
                input=_EMPTY,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"a test left PostgreSQL locked: {done.stderr}"

    def close(self) -> None:
        """Stop what runs and remove the data."""
        for engine in (
            self.postgres,
            self.state,
            self.log,
            self.kafka,
            self.clickhouse,
            self.clickhouse_debian,
            self.s3,
        ):
            engine.stop()
        self._sockets.remove()
        shutil.rmtree(self._folder, ignore_errors=True)


_ENGINES = pytest.StashKey[Engines]()


@pytest.fixture(scope="session")
def engines(request: pytest.FixtureRequest) -> Iterator[Engines]:
    """The engines of this run."""
    running = Engines(Path(tempfile.mkdtemp(prefix="siq-test-")))
    request.config.stash[_ENGINES] = running
    try:
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module", autouse=True)
def emptied_engines(request: pytest.FixtureRequest) -> Iterator[None]:
    """Empty the engines after each module, once everything that the module started is gone."""
    yield
    # Not by asking for the fixture: a module without engines must not start any.
    running = request.config.stash.get(_ENGINES, None)
    if running is not None:
        running.empty()


@pytest.fixture(scope="session")
def postgres_url(engines: Engines) -> str:
    """A PostgreSQL 18 with an empty database."""
    return engines.url(engines.postgres)


@pytest.fixture(scope="session")
def state_url(engines: Engines) -> str:
    """An empty Valkey without persistence."""
    return engines.url(engines.state)


@pytest.fixture(scope="session")
def log_url(engines: Engines) -> str:
    """An empty Valkey set up as the event log."""
    return engines.url(engines.log)


@pytest.fixture(scope="session")
def kafka_broker(engines: Engines) -> Broker:
    """A real broker, shared by a run: whoever uses it takes a prefix of their own."""
    try:
        jars()
    except NoBroker as error:
        pytest.skip(str(error))
    engines.url(engines.kafka)
    return engines.kafka


@pytest.fixture(scope="session")
def clickhouse(engines: Engines) -> FrontServer:
    """Today's ClickHouse behind its protocol: chDB, see tests/engines/clickhouse/front.py."""
    engines.url(engines.clickhouse)
    return engines.clickhouse


@pytest.fixture(scope="session")
def clickhouse_debian(engines: Engines) -> DebianServer:
    """A real server of 2018."""
    try:
        engines.url(engines.clickhouse_debian)
    except EngineError as error:
        pytest.skip(str(error))
    return engines.clickhouse_debian


@pytest.fixture(scope="session")
def s3_server(engines: Engines) -> S3Server:
    """A real S3 server, shared by a run: whoever uses it takes a prefix of their own."""
    try:
        binary()
    except NoServer as error:
        pytest.skip(str(error))
    engines.url(engines.s3)
    return engines.s3


@pytest.fixture(scope="session")
def mock_cluster() -> Iterator[MockCluster]:
    """librdkafka's stand-in for a cluster."""
    cluster = MockCluster()
    yield cluster
    cluster.stop()
