"""What the machine offers: Python, open files, a clock that can be right."""

from __future__ import annotations

import platform
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cli.doctor.finding import Finding, Patient, fail, ok, warn

_PYTHON = (3, 11)
# A socket is a file: 10,000 sessions, their reconnects while an edge drains, and what else is open.
_OPEN_FILES = 20_000
_DAY_S = 86_400


def python(patient: Patient) -> Iterator[Finding]:
    """Python is new enough."""
    found = f"{platform.python_version()}, {sys.executable}"
    if sys.version_info < _PYTHON:
        yield fail("python", found, "use Python 3.11 or newer")
    else:
        yield ok("python", found)


def open_files(patient: Patient) -> Iterator[Finding]:
    """An edge may hold as many sockets as it is meant to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= _OPEN_FILES:
        yield ok("open files", "unlimited" if soft == resource.RLIM_INFINITY else f"{soft:,}")
        return
    reachable = hard == resource.RLIM_INFINITY or hard >= _OPEN_FILES
    yield warn(
        "open files",
        f"{soft:,}: an edge holds about {max(soft - 500, 0) // 2:,} sessions; "
        f"10,000 need {_OPEN_FILES:,}",
        f"ulimit -n {_OPEN_FILES}"
        + ("" if reachable else f" as root (the hard limit is {hard:,})"),
    )


def clock(patient: Patient) -> Iterator[Finding]:
    """The clock does not stand before the day on which this very file was put here."""
    yield clock_finding(time.time(), Path(__file__).stat().st_mtime)


def clock_finding(now_s: float, installed_s: float) -> Finding:
    """Judge a clock by when the software was installed; a day is for time zones gone wrong."""
    shown = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if now_s < installed_s - _DAY_S:
        return fail("clock", f"{shown}, before this software was installed", "set it, best by NTP")
    return ok("clock", shown)
