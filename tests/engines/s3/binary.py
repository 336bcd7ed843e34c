"""versitygw, an S3 server over a folder, built once from the Go module proxy."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

_MODULE = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
_KEPT = Path(__file__).parents[3] / ".venv" / "versitygw-1.8.0"
_WITHIN_S = 300


class NoServer(Exception):
    """An S3 server cannot be had here; the message says why."""


def binary() -> Path:
    """The program.

    Raises:
        NoServer: there is no Go, or it does not get or build it in time.
    """
    found = _KEPT / "versitygw"
    _KEPT.mkdir(parents=True, exist_ok=True)
    with (_KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            _build(found)
    return found


def _build(target: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise NoServer("no Go here: tests against a real S3 server are left out")
    fresh = target.parent / "new"
    environ = {**os.environ, "GOBIN": str(fresh), "GOFLAGS": "-p=1"}
    try:
        done = subprocess.run(
            ["nice", go, "install", _MODULE],
            env=environ, capture_output=True, text=True, timeout=_WITHIN_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NoServer(f"versitygw was not built within {_WITHIN_S} s: no S3 server") from None
    if done.returncode:
        words = done.stderr.strip().splitlines()
        raise NoServer("versitygw was not built: " + (words[-1] if words else "no word why"))
    (fresh / "versitygw").rename(target)
