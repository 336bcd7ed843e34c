"""What the operating system says about a process, by its id: /proc on Linux, ps elsewhere."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path
from typing import Final

_PROC = Path("/proc")
_TRIES: Final = 4
_ONE_IN_S: Final = 0.11


def is_running(pid: int) -> bool:
    """Whether it lives; a zombie, which only waits to be collected, does not."""
    if _PROC.joinpath("self").exists():
        return _stat_fields(pid)[:1] not in ([], ["Z"], ["X"])
    return _ps("stat=", pid)[:1] not in ("", "Z")


def arguments(pid: int) -> str:
    """Its command line, empty if it is gone."""
    if _PROC.joinpath("self").exists():
        try:
            blob = (_PROC / str(pid) / "cmdline").read_bytes()
        except OSError:
            return ""
        return blob.replace(b"\x00", b" ").decode(errors="replace").strip()
    return _ps("args=", pid)


def started_at(pid: int) -> str:
    """A mark of when it started: with the id it names one process for ever. Empty if gone."""
    if _PROC.joinpath("self").exists():
        return next(iter(_stat_fields(pid)[19:20]), "")
    return _ps("lstart=", pid)


def signal_if_same(pid: int, started: str, signum: int) -> bool:
    """Send a signal, but only to the very process that was meant. Tell whether it was there."""
    if not started or started_at(pid) != started:
        return False
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        return False
    return True


def stand_back(pid: int, nice: int) -> None:
    """Make the leader of a session nice, and the session itself where Linux shares by session.

    May take half a second.

    Raises:
        OSError: it is gone, or may not be changed.
    """
    os.setpriority(os.PRIO_PROCESS, pid, nice)
    session = _PROC / str(pid) / "autogroup"
    if not session.exists():
        return
    for _ in range(_TRIES):
        # Of those who are not root Linux hears one in a tenth of a second, whoever it is.
        with contextlib.suppress(BlockingIOError):
            session.write_text(str(nice))
            return
        time.sleep(_ONE_IN_S)
    session.write_text(str(nice))


def _stat_fields(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third (state) on; the second may hold anything."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _ps(column: str, pid: int) -> str:
    try:
        done = subprocess.run(
            ["ps", "-ww", "-o", column, "-p", str(pid)],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
