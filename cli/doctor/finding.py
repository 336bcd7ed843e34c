"""What a check says: how it is, what was found, and how to mend it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cli import mesh
from cli.mesh import Mesh


class State(StrEnum):
    """How it is."""

    OK = "ok"
    WARN = "warn"
    """Works, but worse than it could; or only something optional is missing."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    name: str
    state: State
    found: str
    mend: str = ""


def ok(name: str, found: str) -> Finding:
    """It is as it should be."""
    return Finding(name, State.OK, found)


def warn(name: str, found: str, mend: str) -> Finding:
    """It would be better otherwise."""
    return Finding(name, State.WARN, found, mend)


def fail(name: str, found: str, mend: str) -> Finding:
    """It must be mended."""
    return Finding(name, State.FAIL, found, mend)


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at: this machine, and the mesh that its environment names."""

    data: Path
    """Data folder of `up`."""
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    root: Path = Path(__file__).resolve().parents[2]
    """Where the packages are: a checkout, or what a wheel was unpacked to."""

    @property
    def is_checkout(self) -> bool:
        """Whether sources stand here, so that something can be built or be out of date."""
        return (self.root / "setup.py").is_file()

    @property
    def mesh(self) -> Mesh | None:
        """The mesh that runs on the data folder."""
        found = mesh.read(self.data)
        return found if found is not None and found.is_running else None

    def address(self, variable: str) -> str:
        """A URL or host:port: of the environment, else of the mesh that runs here, else empty."""
        running = self.mesh
        return self.environ.get(variable) or (running.env.get(variable, "") if running else "")
