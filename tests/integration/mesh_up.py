"""A whole mesh under `sentientiq up`, for tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import cli.main
from cli import mesh
from cli.engines import SocketFolder

ROOT = Path(cli.main.__file__).parents[1]


@contextmanager
def temporary_folder() -> Generator[Path]:
    """A folder for one mesh; its sockets go with it."""
    path = Path(tempfile.mkdtemp(prefix="siq-up-test-"))
    try:
        yield path
    finally:
        SocketFolder.of(path / "data").remove()
        shutil.rmtree(path, ignore_errors=True)


def environment() -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SIQ_")}
    return {**clean, "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"}


def sentientiq(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "cli.main", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**environment(), **settings},
    )


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        body: bytes = answer.read()
    return body


def until(holds: Callable[[], bool], within_s: float = 60.0) -> None:
    """Wait for another process; there is no event to wait for."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Up:
    """A mesh under `sentientiq up`, with settings from the environment."""

    def __init__(self, folder: Path, *options: str, **settings: str) -> None:
        self.data = folder / "data"
        self._settings = settings
        self._options = options
        self.log = folder / "up.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it and wait for its URL. Returns the seconds it took."""
        began = time.monotonic()
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "cli.main", "up"),
                    *("--data", str(self.data), "--ports", "free", *self._options),
                ],
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**environment(), **self._settings},
            )
        process = self.process
        until(lambda: process.poll() is not None or "Ctrl-C stops" in self.text, 100)
        assert process.poll() is None, self.text
        return time.monotonic() - began

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def mesh(self) -> mesh.Mesh:
        return mesh.require(self.data)

    def stop(self, signum: int = signal.SIGINT) -> int:
        """Stop it as Ctrl-C would. Returns the exit code."""
        assert self.process is not None
        self.process.send_signal(signum)
        return self.process.wait(40)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop(signal.SIGTERM)
