"""Where and on what a result was made, for the documents that keep results."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def cell(text: str, at_most: int = 200) -> str:
    """Text for a cell of a Markdown table: one line, and no path of this machine."""
    text = text.replace(str(ROOT), ".").replace(str(ROOT.parent), "..")
    return " ".join(text.replace("|", "\\|").replace("`", "'").split())[:at_most]


def rows() -> list[str]:
    """The first rows of a two-column table: date, commit, machine, Python."""
    return [
        "| | |",
        "|---|---|",
        f"| date | {datetime.now(UTC):%Y-%m-%d %H:%M} UTC |",
        f"| commit | {_commit()} |",
        f"| machine | {cell(_machine())} |",
        f"| Python | {platform.python_version()} |",
    ]


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _commit() -> str:
    changed = " with uncommitted changes" if _git("status", "--porcelain", "-uno") else ""
    return (_git("rev-parse", "--short=12", "HEAD") or "unknown") + changed


def _machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} x {model}, {gib:.0f} GiB, {platform.system()} {platform.release()}"
