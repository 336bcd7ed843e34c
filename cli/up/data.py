"""The data folder of a mesh: one supervisor at a time, secrets made once, leftovers ended."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import signal
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Self

from cli import mesh, processes
from cli.errors import CliError
from cli.up import ports

_LEFTOVER_S = 10.0


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must stay the same from start to start."""

    mesh: str
    """Signs tokens between our processes."""
    demo_identity: str
    """With which the demo tenant's server signs who its visitors are."""
    sandbox_token: str
    """The sandbox's stand-in for what Twilio, Slack and PagerDuty sign with."""


def _new_secret() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


class DataFolder:
    """A locked data folder. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Create and lock it.

        Raises:
            CliError: another supervisor has it, or it cannot be written.
        """
        try:
            # PostgreSQL's user passes through when we are root; nobody but us lists or reads.
            self.path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CliError(
                f"cannot use {self.path}: {error.strerror}; choose another with --data"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._lock, 32).decode().strip() or "?"
            os.close(self._lock)
            raise CliError(
                f"a mesh is already running on {self.path} (process {holder}): "
                "stop it first, or give this one a folder of its own with --data"
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            os.close(self._lock)

    def secrets(self) -> Secrets:
        """Read the secrets, making those that are missing."""
        path = self.path / "secrets.json"
        try:
            known: dict[str, str] = json.loads(path.read_text())
        except FileNotFoundError:
            known = {}
        except ValueError as error:
            raise CliError(
                f"{path} is not readable: restore it, or remove {self.path} to start afresh"
            ) from error
        names = [field.name for field in fields(Secrets)]
        made = Secrets(**{name: known.get(name) or _new_secret() for name in names})
        if asdict(made) != known:
            mesh.write_private(path, json.dumps(asdict(made), indent=1))
        return made

    def free_ports(self) -> dict[str, int]:
        """Choose free ports, those of the last time where they are still free.

        Bookmarks, and the origins of the demo's key, then stay right.
        """
        path = self.path / "ports.json"
        try:
            last: dict[str, int] = json.loads(path.read_text())
        except (OSError, ValueError):
            last = {}
        chosen = ports.free_ports(last)
        mesh.write_private(path, json.dumps(chosen, indent=1))
        return chosen

    def end_leftovers(self) -> int:
        """End the processes of a supervisor that was killed. Returns how many there were."""
        last = mesh.read(self.path)
        if last is None:
            return 0
        # PostgreSQL ends by SIGINT; to all others of ours it means the same as SIGTERM.
        left = [
            child
            for child in last.processes.values()
            if processes.signal_if_same(child.pid, child.started, signal.SIGINT)
        ]
        deadline = time.monotonic() + _LEFTOVER_S
        for child in left:
            while processes.is_running(child.pid) and time.monotonic() < deadline:
                time.sleep(0.02)
            processes.signal_if_same(child.pid, child.started, signal.SIGKILL)
        mesh.remove(self.path)
        return len(left)
