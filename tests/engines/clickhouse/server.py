"""What speaks ClickHouse's native protocol on loopback: Debian's server, or the front of chDB."""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from cli.engines import Command, Engine
from cli.up.ports import free_port

_driver: Any = import_module("clickhouse_driver")
_ROOT = Path(__file__).parents[3]


class Server(Engine):
    """One server. Started again, it has its port and its data."""

    ready_s = 60.0

    def __init__(self, data: Path) -> None:
        super().__init__(data, data)
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"clickhouse://127.0.0.1:{self.port}"

    def healthy(self) -> bool:
        # It says of each attempt that it failed.
        logging.getLogger("clickhouse_driver").setLevel(logging.CRITICAL)
        try:
            with _driver.Client("127.0.0.1", self.port, connect_timeout=1) as client:
                return bool(client.execute("SELECT 1") == [(1,)])
        except (OSError, EOFError, _driver.errors.Error):
            return False

    def ask(self, *statements: str) -> None:
        """Run statements, for tests."""
        with _driver.Client("127.0.0.1", self.port) as client:
            for statement in statements:
                client.execute(statement)


class FrontServer(Server):
    """Today's dialect: chDB behind the protocol."""

    name = "clickhouse-front"

    def prepare(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)

    def command(self) -> Command:
        argv = (sys.executable, "-m", "tests.engines.clickhouse.front")
        return Command((*argv, str(self.data), str(self.port)), cwd=_ROOT)
