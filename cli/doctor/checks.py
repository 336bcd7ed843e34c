"""The list of all checks, in the order in which they are shown, and how they are run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

from cli.doctor import built, engines, local, machine, servers, services, settings
from cli.doctor.finding import Finding, Patient, ok

Check = Callable[[Patient], Iterator[Finding]] | Callable[[Patient], AsyncIterator[Finding]]

_UP = "For `sentientiq up`"

SECTIONS: Mapping[str, Mapping[str, Check]] = {
    "This machine": {
        "python": machine.python,
        "open-files": machine.open_files,
        "clock": machine.clock,
    },
    "Built": {
        "node": built.node,
        "kernels": built.kernels,
        "sdk": built.sdk,
        "analytics-wheel": local.analytics,
    },
    _UP: {
        "postgres-wheel": local.postgres,
        "valkey-wheel": local.valkey,
        "data-folder": local.data_folder,
        "socket-folder": local.sockets,
        "ports": local.free_ports,
        "chromium": local.chromium,
    },
    "Settings": {"settings": settings.settings},
    "Engines": {
        "postgres": engines.postgres,
        "log": engines.log,
        "state": engines.state,
        "analytics": servers.analytics,
    },
    "Processes": {
        "identity": services.asks("identity"),
        "detection": services.detection,
        "intervention": services.asks("intervention"),
        "accountability": services.asks("accountability"),
        "pipeline": services.asks("pipeline"),
        "edge": services.edge,
    },
}

NAMES = tuple(name for checks in SECTIONS.values() for name in checks)

Report = dict[str, list[Finding]]


async def examine(patient: Patient, only: frozenset[str] = frozenset()) -> Report:
    """Run the checks, all or those named. Sections without findings are left out."""
    report: Report = {}
    for section, checks in SECTIONS.items():
        chosen = [check for name, check in checks.items() if not only or name in only]
        if section == _UP and chosen and not only and local.engines_elsewhere(patient):
            report[section] = [ok("engines", "not needed: the engines' URLs are set")]
            continue
        # Each waits for somebody else: together they wait once.
        results = await asyncio.gather(*(_run(check, patient) for check in chosen))
        if findings := [finding for result in results for finding in result]:
            report[section] = findings
    return report


async def _run(check: Check, patient: Patient) -> list[Finding]:
    found = check(patient)
    if isinstance(found, AsyncIterator):
        return [finding async for finding in found]
    return list(found)
