"""The picture of a report, as its SQL file's head says: bars, lines or intervals."""

from __future__ import annotations

import importlib
import importlib.util
import textwrap
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from cli.errors import CliError
from services.pipeline.report_files import Report

_COLOURS: Final = ("#c8321a", "#1f5fa8", "#4f7f3a", "#7a5195", "#b07d2b", "#2b8a8a")
_QUIET: Final = "#6b6873"
_MOST_BARS: Final = 24
_MOST_LINES: Final = 8


def require_extra() -> None:
    """Say what is missing, before anything is asked."""
    if importlib.util.find_spec("matplotlib") is None:
        raise CliError("matplotlib is missing: install it with `pip install 'sentientiq[chart]'`")


def draw(
    path: Path, report: Report, rows: list[dict[str, Any]], parameters: Mapping[str, str]
) -> None:
    """Write the PNG."""
    from matplotlib.figure import Figure

    assert report.chart is not None
    columns = report.chart.columns
    across = report.chart.kind != "lines"
    height = 1.9 + 0.42 * min(max(len(rows), 3), _MOST_BARS) if across else 4.8
    figure: Any = Figure(figsize=(9.0, height), layout="constrained")
    axes: Any = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x" if across else "y", color="#e6e3de", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=10, colors="#33313a")
    known = [row for row in rows if row[columns["y"]] is not None]
    if known:
        _KINDS[report.chart.kind](axes, known, columns)
    else:
        why = "no rows" if not rows else f"{columns['y']} cannot be told of any row"
        axes.text(0.5, 0.5, why, ha="center", transform=axes.transAxes, color=_QUIET, fontsize=12)
        axes.set_axis_off()
    asked = textwrap.wrap(_asked(parameters, len(rows) - len(known)), 100)
    axes.set_title(
        _title(report), loc="left", fontsize=13, fontweight="bold", pad=12 + 12 * len(asked)
    )
    axes.annotate(
        "\n".join(asked), (0, 1), xytext=(0, 7), xycoords="axes fraction",
        textcoords="offset points", va="bottom", color=_QUIET, fontsize=9,
    )  # fmt: skip
    figure.savefig(path, dpi=130)


def _title(report: Report) -> str:
    return report.name.replace("_", " ").capitalize()


def _asked(parameters: Mapping[str, str], missing: int) -> str:
    told = [f"{name} {value}" for name, value in sorted(parameters.items())]
    if missing:
        told.append(f"{missing} rows without a figure")
    return " · ".join(told)


def _label(row: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    words = [str(row[columns[place]]) for place in ("x", "and") if place in columns]
    text = ", ".join(word for word in words if word)
    return text if len(text) <= 40 else text[:39] + "…"


def _bars(axes: Any, rows: list[dict[str, Any]], columns: Mapping[str, str]) -> None:
    shown = rows[:_MOST_BARS]
    values = [float(row[columns["y"]]) for row in shown]
    places = range(len(shown))
    axes.barh(places, values, color=_COLOURS[0], height=0.62)
    for place, value in zip(places, values, strict=True):
        axes.annotate(
            f"{value:,.6g}", (value, place), xytext=(5, 0), textcoords="offset points",
            va="center", fontsize=10, color="#33313a",
        )  # fmt: skip
    axes.set_yticks(places, [_label(row, columns) for row in shown])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    axes.set_xlabel(_words(columns["y"]), color=_QUIET)


def _intervals(axes: Any, rows: list[dict[str, Any]], columns: Mapping[str, str]) -> None:
    shown = rows[:_MOST_BARS]
    for place, row in enumerate(shown):
        value = float(row[columns["y"]])
        low, high = (float(row[columns[end]]) for end in ("low", "high"))
        axes.plot([low, high], [place, place], color=_COLOURS[0], linewidth=3, alpha=0.45)
        axes.plot([value], [place], "o", color=_COLOURS[0], markersize=8)
        axes.annotate(
            f"{value:,.4g}", (value, place), xytext=(0, 8), textcoords="offset points",
            ha="center", fontsize=10, color="#33313a",
        )  # fmt: skip
    if "mark" in columns:
        axes.axvline(float(columns["mark"]), color="#33313a", linewidth=1.1)
    if "from" in columns:
        axes.set_xlim(left=float(columns["from"]))
    axes.set_yticks(range(len(shown)), [_label(row, columns) for row in shown])
    axes.set_ylim(len(shown) - 0.4, -0.7)
    axes.set_xlabel(f"{_words(columns['y'])}, with its 95 % interval", color=_QUIET)


def _lines(axes: Any, rows: list[dict[str, Any]], columns: Mapping[str, str]) -> None:
    from matplotlib.ticker import MaxNLocator

    names = list(dict.fromkeys(str(row[columns["by"]]) for row in rows))
    for number, name in enumerate(names[:_MOST_LINES]):
        mine = [row for row in rows if str(row[columns["by"]]) == name]
        x = [row[columns["x"]] for row in mine]
        colour = _COLOURS[number % len(_COLOURS)]
        if "low" in columns:
            bounds = ([float(row[columns[end]]) for row in mine] for end in ("low", "high"))
            axes.vlines(x, *bounds, color=colour, alpha=0.35, linewidth=3)
        axes.plot(
            x, [float(row[columns["y"]]) for row in mine], color=colour, linewidth=2, marker="o",
            markersize=4, label=name,
        )  # fmt: skip
    if isinstance(rows[0][columns["x"]], date):
        _days(axes, [row[columns["x"]] for row in rows])
    if all(isinstance(row[columns["y"]], int) for row in rows):
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=0)
    axes.margins(y=0.1)
    axes.set_xlabel(_words(columns["x"]), color=_QUIET)
    axes.set_ylabel(_words(columns["y"]), color=_QUIET)
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=10,
        title=_words(columns["by"]), alignment="left",
    )  # fmt: skip


def _days(axes: Any, days: list[date]) -> None:
    dates: Any = importlib.import_module("matplotlib.dates")  # typed in part only
    locator = dates.AutoDateLocator(minticks=1, maxticks=10)
    locator.intervald[dates.HOURLY] = [24]  # a day is the least there is
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    if len(set(days)) == 1:
        axes.set_xlim(days[0] - timedelta(days=3), days[0] + timedelta(days=3))


def _words(name: str) -> str:
    return name.replace("_", " ")


_KINDS: Final = {"bars": _bars, "intervals": _intervals, "lines": _lines}
