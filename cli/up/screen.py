"""What `up` prints: one log of everybody, the table of health, one URL."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from structlog.typing import EventDict

from cli.up.child import Child, State
from cli.up.render import Line, colour_of, parse, render

_STATES = {State.READY: "green", State.FAILED: "bold red", State.RESTARTING: "yellow"}


class Screen:
    """The terminal, shared by all children."""

    def __init__(self, names: Sequence[str], console: Console | None = None) -> None:
        self.console = console or _console()
        self._colours = {name: colour_of(index) for index, name in enumerate(names)}

    def emit(self, name: str, raw: str) -> None:
        """Show a line that a child wrote."""
        self._line(name, parse(raw))

    def notice(self, name: str, level: str, message: str) -> None:
        """Show what the supervisor has to say about a child."""
        self._line(name, Line(level, message))

    def say(self, message: str) -> None:
        """Show a word of the supervisor's own."""
        self._line("mesh", Line("", message))

    def take_our_own_logs(self) -> None:
        """Show what shared code logs in this process as the mesh's own lines."""

        def show(_logger: Any, level: str, event: EventDict) -> EventDict:
            line = parse(json.dumps({**event, "level": level}, default=str))
            if level not in ("debug", "notset"):
                self._line("mesh", line)
            raise structlog.DropEvent

        structlog.configure(processors=[show])

    def health(self, children: Iterable[Child], ready_s: float) -> None:
        """Show the table of processes."""
        table = Table(
            title=f"up in {ready_s:.1f} s", title_justify="left", box=None, padding=(0, 2)
        )
        for title, justify in (
            ("process", "left"),
            ("state", "left"),
            ("pid", "right"),
            ("listens on", "left"),
            ("ready in", "right"),
        ):
            table.add_column(title, justify=justify)  # type: ignore[arg-type]
        for child in children:
            name = child.spec.name
            table.add_row(
                Text(name, style=self._colours.get(name, "")),
                Text(child.state.value, style=_STATES.get(child.state, "")),
                str(child.pid or "-"),
                child.spec.address,
                f"{child.ready_ms} ms" if child.ready_ms is not None else "-",
            )
        self.console.print()
        self.console.print(table)

    def url(self, url: str, hints: Sequence[str]) -> None:
        """Show the one URL, in a box, and what to do next."""
        body = Text(url, style="bold underline green")
        self.console.print()
        self.console.print(Panel(body, expand=False, padding=(1, 4), border_style="green"))
        for hint in hints:
            self.console.print(f"  {hint}")
        self.console.print()

    def _line(self, name: str, line: Line) -> None:
        try:
            self.console.print(render(name, self._colours.get(name, "bold"), line))
        except BrokenPipeError:
            # Whoever read our output is gone; the mesh goes on, silently.
            self.console.file = open(os.devnull, "w")  # noqa: SIM115


def _console() -> Console:
    made = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = 120  # a file has none, and 80 would cut the table
    return made
