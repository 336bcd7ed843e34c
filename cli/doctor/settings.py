"""What each process reads from its environment, as its settings class says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from cli.doctor.finding import Finding, Patient, fail, ok, warn
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


def settings(patient: Patient) -> Iterator[Finding]:
    """Which processes could start with this environment, and what the others lack.

    Lacking something is a warning only: a machine need not run every process.
    """
    known = {name for process in MESH for name in variables(process)}
    if not known & patient.environ.keys():
        yield ok("settings", "no SIQ_ variable is set: `sentientiq up` sets them itself")
        return
    for process in MESH:
        yield _settings_of(process, patient.environ)


def _settings_of(process: str, environ: Mapping[str, str]) -> Finding:
    from services.common.settings import SettingsError, load

    name = f"{process} settings"
    declared = variables(process)
    missing = lacking(process, environ)
    # Something in place of what is missing: `load` then speaks of what is wrong only.
    filled = {**environ, **dict.fromkeys(missing, "-")}
    try:
        load(settings_class(process), filled)
    except SettingsError as error:
        wrong = [line.strip() for line in str(error).splitlines() if "is not usable" in line]
        return fail(name, "; ".join(wrong), "correct the value")
    if missing:
        return warn(
            name,
            f"lacks {', '.join(missing)}",
            "; ".join(f"{each}: {declared[each][1]}" for each in missing),
        )
    count = sum(1 for variable in declared if environ.get(variable))
    return ok(name, f"complete: {count} of {len(declared)} variables set, defaults for the rest")
