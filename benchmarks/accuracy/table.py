"""The figures for people to read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

Figures = dict[str, object]


def _figures(value: object) -> Figures:
    return cast("Figures", value)


def _rate(value: object) -> str:
    figures = _figures(value)
    low, high = cast("list[float]", figures["interval"] or [0.0, 0.0])
    return f"{figures['per_active_hour']} [{low:g}, {high:g}]"


def _simulated(result: Mapping[str, object]) -> Table:
    table = Table(title=f"Simulated visits ({result['visits']}, seed {result['seed']})")
    names = ("precision", "recall", "f1", "95 %", "ece", "ece of alarms", "felt", "alarms")
    for name in ("", *names):
        table.add_column(name)
    for emotion, row in _figures(result["simulated"]).items():
        table.add_row(emotion, *(str(value) for value in _figures(row).values()))
    return table


def _real(result: Mapping[str, object]) -> Table:
    table = Table(title="Real people: alarms per active hour [95 % interval by person]")
    for name in ("", "hours", "rage", "rage, stripped", "hesitation", "confusion", "abandonment"):
        table.add_column(name)
    for study, value in _figures(result["real"]).items():
        row = _figures(value)
        recorded, stripped = _figures(row["recorded"]), _figures(row["stripped"])
        table.add_row(
            study,
            str(row["active_hours"]),
            _rate(recorded["rage"]),
            _rate(stripped["rage"]),
            *(_rate(recorded[e]) for e in ("hesitation", "confusion", "abandonment")),
        )
    return table


def _rules(result: Mapping[str, object]) -> Table:
    table = Table(title="Rage rules of others (no rule knows `unobserved`)")
    studies = list(_figures(result["real"]))
    for name in ("", "precision", "recall", "f1", *(f"{study} /h" for study in studies)):
        table.add_column(name)
    for rule, value in _figures(result["baselines"]).items():
        row = _figures(value)
        rates = _figures(row["real"])
        table.add_row(
            rule,
            *(str(row[name]) for name in ("precision", "recall", "f1")),
            *(str(_figures(rates[study])["per_active_hour"]) for study in studies),
        )
    return table


def _evidence(result: Mapping[str, object]) -> Table:
    known = _figures(result["evidence"])
    hours, sessions = known["active_hours"], known["sessions"]
    table = Table(title=f"What was marked in {hours} active hours, {sessions} sessions of people")
    for name in ("", "signal", "sessions", "their hours", ""):
        table.add_column(name)
    for emotion, signals in _figures(known["signals"]).items():
        for signal, row in _figures(signals).items():
            table.add_row(emotion, signal, *(str(value) for value in _figures(row).values()))
    return table


def render(result: Mapping[str, object]) -> str:
    """Return the tables as text."""
    console = Console(file=io.StringIO(), width=140)
    console.print(_simulated(result))
    studies = _figures(result["real"])
    if studies:
        console.print(_real(result))
    console.print(_rules(result))
    console.print(_evidence(result))
    for study, value in studies.items():
        for name, figure in _figures(value).items():
            if not isinstance(figure, dict):
                continue
            area = _figures(cast("object", figure))
            if "auc" in area:
                console.print(f"{study}: AUC of {name} {area['auc']} {area['interval']}")
            elif name.startswith("automated"):
                console.print(f"{study}: {name} {area}")
    return cast("io.StringIO", console.file).getvalue().rstrip()
