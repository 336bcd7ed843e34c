"""What every engine does: say how it is run and where it listens; start and stop when alone.

`sentientiq up` supervises the command itself; tests and benchmarks use start() and stop().
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_STOP_S = 20.0
# A child of another user is forked (any other need not be). gRPC has handlers for that, which start
# its threads anew in the child; they end it where they find their files closed before it has become
# the program that it is to be (grpc/grpc#43055). Read when gRPC begins: import this before.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")


class EngineError(Exception):
    """An engine cannot run here; the message names the mend."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A user to run as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Command:
    """How to run one program as a child."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """On top of our own environment."""
    owner: Owner | None = None
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM

    def spawn_argv(self) -> tuple[str, ...]:
        """Add the wish to be stopped when we die without having done it (Linux only)."""
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            return self.argv
        name = self.stop_signal.name.removeprefix("SIG")
        return (setpriv, "--pdeathsig", name, *self.argv)

    def spawn_options(self) -> dict[str, Any]:
        """Options for subprocess: a session of its own, so that Ctrl-C reaches only the supervisor.

        Linux shares processors out by session (autogroup). While all processes shared one and
        were short of processors, a worker of the kernel waited up to a fifth of a second for its
        turn, and with it whoever had called fsync (benchmarks/README.md, "mesh").
        """
        options: dict[str, Any] = {
            "env": {**os.environ, **self.env},
            "cwd": self.cwd,
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,
        }
        if self.owner is not None:
            options |= {"user": self.owner.uid, "group": self.owner.gid, "extra_groups": []}
        return options


class Engine(ABC):
    """One engine over one data folder."""

    name: str
    ready_s = 30.0
    """How long it may take to answer."""

    def __init__(self, data: Path, sockets: Path) -> None:
        self.data = data.resolve()
        self.sockets = sockets
        self._child: subprocess.Popen[Any] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect."""

    @abstractmethod
    def prepare(self) -> None:
        """Create the data folder where it is missing, and clear what a crash left."""

    @abstractmethod
    def command(self) -> Command:
        """How to run it."""

    @abstractmethod
    def healthy(self) -> bool:
        """Whether it answers now."""

    @property
    def pid(self) -> int | None:
        """Its process, when started here."""
        return self._child.pid if self._child else None

    def start(self) -> str:
        """Run it as a child until stop(). Returns its URL once it answers.

        Raises:
            EngineError: it ended or did not answer in time, with its last words.
        """
        self.prepare()
        command = self.command()
        output = self.data.parent / f"{self.name}.log"
        with output.open("wb") as sink:
            child = subprocess.Popen(
                command.spawn_argv(),
                stdout=sink,
                stderr=subprocess.STDOUT,
                **command.spawn_options(),
            )
        self._child = child
        deadline = time.monotonic() + self.ready_s
        while not self.healthy():
            if child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                words = output.read_text(errors="replace").strip().splitlines()[-8:]
                raise EngineError(f"{self.name} did not start:\n" + "\n".join(words))
            time.sleep(0.01)
        return self.url

    def stop(self) -> None:
        """End it by its id and wait; kill it after 20 s."""
        child, self._child = self._child, None
        if child is None:
            return
        child.send_signal(self.command().stop_signal)
        try:
            child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
