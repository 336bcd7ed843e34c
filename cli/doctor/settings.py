"""What each process reads from its environment, as its settings class says."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from cli.up.plan import MODULES

MESH = ("identity", "detection", "intervention", "accountability", "pipeline", "edge")
"""What runs in production: the sandbox and the shop stand only beside `up`."""


def settings_class(process: str) -> type[Any]:
    """The settings class of a process of the mesh."""
    found: type[Any] = import_module(f"{MODULES[process]}.settings").Settings
    return found


def variables(process: str) -> dict[str, tuple[str, str]]:
    """Each variable that a process reads, with its default ("required" if none) and its help."""
    from services.common.settings import describe

    return {name: (default, help) for name, default, help in describe(settings_class(process))}


def lacking(process: str, environ: Mapping[str, str]) -> list[str]:
    """The required variables that are not set; an empty one is not."""
    return [
        name
        for name, (default, _) in variables(process).items()
        if default == "required" and not environ.get(name)
    ]
