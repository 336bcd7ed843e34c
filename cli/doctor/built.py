"""What was built here: is it there, and is it newer than what it was built from?"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from cli.doctor.finding import Finding, Patient, fail, ok, warn

_NODE = 20
_CIMPORT = re.compile(r"^\s*(?:from\s+hotpath\.(\w+)\s+cimport|cimport\s+hotpath\.(\w+))", re.M)
_SHOWN = 3


def kernels(patient: Patient) -> Iterator[Finding]:
    """Every kernel is built for this Python, from the present sources, and loads."""
    folder = patient.root / "hotpath"
    sources = sorted(folder.glob("*.pyx"))
    missing = [source.stem for source in sources if _built(source) is None]
    stale = [source.stem for source in sources if _is_stale(source)]
    mend = "make setup" if patient.is_checkout else "install the wheel of this Python again"
    if missing:
        yield fail("kernels", f"not built for this Python: {_some(missing)}", mend)
        return
    try:
        import_module("hotpath.detector")
    except ImportError as error:
        yield fail("kernels", f"do not load: {error}", mend)
        return
    if stale:
        yield fail("kernels", f"older than their sources: {_some(stale)}", mend)
        return
    yield ok("kernels", f"{len(sources)} built and current" if sources else "they load")


def node(patient: Patient) -> Iterator[Finding]:
    """Node, which builds the SDK; where there is nothing to build nobody needs it."""
    if not patient.is_checkout:
        return
    mend = f"install Node.js {_NODE} or newer"
    program = shutil.which("node", path=patient.environ.get("PATH"))
    if program is None:
        yield fail("node", "not on PATH", mend)
        return
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    version = done.stdout.strip()
    major = re.match(r"v(\d+)", version)
    if major is None or int(major[1]) < _NODE:
        yield fail("node", version or done.stderr.strip()[:80] or "says nothing", mend)
    else:
        yield ok("node", f"{version}, {program}")


def sdk(patient: Patient) -> Iterator[Finding]:
    """The browser SDK is built, from the present sources."""
    folder = patient.root / "sdk" / "js"
    script = folder / "dist" / "sentientiq.js"
    if not script.exists() or not script.with_name("sentientiq-more.js").exists():
        mend = "make sdk" if patient.is_checkout else "install a wheel that was built with it"
        yield fail("sdk", "not built", mend)
        return
    newest = max((path.stat().st_mtime for path in folder.glob("src/**/*.ts")), default=0.0)
    if script.stat().st_mtime < newest:
        yield warn("sdk", "older than its sources", "make sdk")
        return
    yield ok("sdk", f"sentientiq.js, {script.stat().st_size:,} bytes before gzip")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _built(source: Path) -> Path | None:
    found = [source.with_name(source.stem + suffix) for suffix in EXTENSION_SUFFIXES]
    return next((path for path in found if path.exists()), None)


def _is_stale(source: Path) -> bool:
    built = _built(source)
    return built is not None and built.stat().st_mtime < max(
        path.stat().st_mtime for path in _sources_of(source)
    )


def _sources_of(source: Path) -> set[Path]:
    """A kernel's own files, and the layouts that it takes from others, and they from others."""
    found: set[Path] = set()
    waiting = {source, source.with_suffix(".pxd")}
    while waiting:
        path = waiting.pop()
        if path in found or not path.exists():
            continue
        found.add(path)
        names = {name for pair in _CIMPORT.findall(path.read_text()) for name in pair if name}
        waiting |= {source.with_name(f"{name}.pxd") for name in names}
    return found
