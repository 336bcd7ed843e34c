"""The record of a running mesh, `<data>/mesh.json`: what smoke, replay, keys and migrate read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cli import processes
from cli.errors import CliError

DEFAULT_DATA = Path(".sentientiq")
_FILE = "mesh.json"


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """One child of the supervisor, named for ever by id and start."""

    pid: int
    started: str
    address: str
    metrics: str = ""
    """host:port of its GET /metrics; engines have none."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """A mesh that `sentientiq up` runs, or ran."""

    pid: int
    started: str
    ready: bool
    """Whether everything was up once."""
    env: dict[str, str]
    """SIQ_* of every client: engines and addresses, without secrets."""
    urls: dict[str, str]
    """ws, http, intervene, sandbox, shop."""
    processes: dict[str, RunningProcess] = field(default_factory=dict[str, RunningProcess])

    @property
    def is_running(self) -> bool:
        """Whether its supervisor lives."""
        return bool(self.started) and processes.started_at(self.pid) == self.started


def write(data: Path, mesh: Mesh) -> None:
    """Replace the record in one step; only its owner may read it."""
    write_private(data / _FILE, json.dumps(asdict(mesh), indent=1))


def remove(data: Path) -> None:
    """Forget the record, after a clean stop."""
    (data / _FILE).unlink(missing_ok=True)


def read(data: Path) -> Mesh | None:
    """Read the record of the last mesh, None without one or if it is torn."""
    try:
        raw = json.loads((data / _FILE).read_text())
        children = {name: RunningProcess(**entry) for name, entry in raw.pop("processes").items()}
        return Mesh(**raw, processes=children)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def require(data: Path) -> Mesh:
    """Read the record of a mesh that runs now.

    Raises:
        CliError: none does.
    """
    mesh = read(data)
    if mesh is None or not mesh.is_running:
        raise CliError(f"no mesh is running on {data}: start one with `sentientiq up`")
    if not mesh.ready:
        raise CliError(f"the mesh on {data} is still starting: try again when it shows its URL")
    return mesh


def mesh_secret(data: Path, environ: Mapping[str, str] = os.environ) -> str:
    """The secret that signs tokens: from the environment, else of the data folder.

    Raises:
        CliError: neither has it.
    """
    if secret := environ.get("SIQ_MESH_SECRET"):
        return secret
    try:
        return str(json.loads((data / "secrets.json").read_text())["mesh"])
    except (OSError, ValueError, KeyError) as error:
        raise CliError(
            f"no mesh secret: set SIQ_MESH_SECRET, or start a mesh on {data} with `sentientiq up`"
        ) from error


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, in one step."""
    fresh = path.with_name(path.name + ".tmp")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)
