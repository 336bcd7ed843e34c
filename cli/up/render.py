"""One line of a child's output, made compact: `name | level message key=value`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from rich.text import Text

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_cyan", "bright_magenta")
_LEVELS = {
    "debug": "dim",
    "info": "",
    "warning": "yellow",
    "error": "bold red",
    "critical": "bold red",
}
# Said by the prefix, or by the terminal's scroll.
_LEFT_OUT = {"event", "level", "timestamp", "process", "module", "exception"}
_WIDTH = 14


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a child, understood as far as it could be."""

    level: str
    message: str
    fields: tuple[tuple[str, str], ...] = ()
    exception: str = ""


def parse(raw: str) -> Line:
    """Understand a structlog line; anything else is its own message."""
    if raw.startswith("{"):
        try:
            record = json.loads(raw)
        except ValueError:
            record = None
        if isinstance(record, dict) and "event" in record:
            return _structured(record)  # pyright: ignore[reportUnknownArgumentType]
    return Line("", raw)


def _structured(record: dict[str, Any]) -> Line:
    fields = tuple(
        (key, value if isinstance(value, str) else json.dumps(value, default=str))
        for key, value in record.items()
        if key not in _LEFT_OUT
    )
    return Line(
        str(record.get("level", "")),
        str(record["event"]),
        fields,
        str(record.get("exception", "")),
    )


def colour_of(index: int) -> str:
    """The colour of the n-th process."""
    return _COLOURS[index % len(_COLOURS)]


def render(name: str, colour: str, line: Line) -> Text:
    """Lay out a line for the terminal; an exception follows, indented, under the same name."""
    text = _prefix(name, colour)
    style = _LEVELS.get(line.level, "")
    if line.level:
        text.append(f"{line.level:<8}", style=style or "dim")
    text.append(line.message, style=style)
    for key, value in line.fields:
        text.append(f" {key}=", style="dim")
        text.append(value)
    for extra in line.exception.splitlines():
        text.append("\n")
        text.append_text(_prefix(name, colour))
        text.append(f"  {extra}", style="red")
    return text


def _prefix(name: str, colour: str) -> Text:
    return Text(f"{name:<{_WIDTH}}", style=colour).append("| ", style="dim")
