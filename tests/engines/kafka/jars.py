"""The broker's jars, from Maven, once."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

_POM = Path(__file__).with_name("pom.xml")
_KEPT = Path(__file__).parents[3] / ".venv" / "kafka"
_WITHIN_S = 240


class NoBroker(Exception):
    """A real broker cannot be had here; the message says why."""


def jars() -> Path:
    """The folder with the broker and all that it needs.

    Raises:
        NoBroker: there is no Java or Maven, or Maven does not answer.
    """
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise NoBroker(f"no {tool} here: the real broker is left out")
    folder = _KEPT / hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]
    _KEPT.mkdir(parents=True, exist_ok=True)
    with (_KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    fresh = folder.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    command = ["mvn", "-B", "-q", "-f", str(_POM), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={fresh}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise NoBroker(f"Maven did not answer in {_WITHIN_S} s: no real broker") from None
    if done.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        words = (done.stdout + done.stderr).strip().splitlines()
        raise NoBroker("Maven has no broker for us: " + (words[0] if words else "no word why"))
    fresh.rename(folder)
