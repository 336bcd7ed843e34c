"""Which stage of the edge a Python stack is in.

A stack belongs to the innermost of its functions that is named here, so that the sockets and
clients that several stages use count for whoever called them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import CodeType, FrameType

FUNCTIONS: Final = {
    ("websocket.py", "data_received"): "receive",
    ("websocket.py", "_read"): "receive",
    ("websocket.py", "check"): "rest",
    ("page.py", "receive"): "admit",
    ("page.py", "_slow_down"): "admit",
    ("page.py", "acknowledged"): "ack",
    ("protocol.py", "decode"): "decode",
    ("session.py", "_events"): "columns",
    ("session.py", "receive"): "admit",
    ("streams.py", "appended"): "ack",
    ("worker.py", "accept"): "log",
    ("worker.py", "_write_tick"): "timers",
    ("worker.py", "_on_detected"): "stream",
}
FILES: Final = {
    "lane.py": "stream",
    "limits.py": "admit",
    "pacing.py": "admit",
    "presence.py": "rest",
    "reactor.py": "pushes",
    "sockets.py": "rest",
    "ticks.py": "timers",
    "writer.py": "log",
}
"""Of the folder `edge`."""
LOOP: Final = "loop"
STAGES: Final = (
    "receive", "decode", "columns", "admit", "log", "ack", "stream", "pushes", "timers", LOOP,
    "rest",
)  # fmt: skip
THREADS: Final = "threads"


def _named(code: CodeType) -> str:
    """The stage of a function; empty: of whoever called it."""
    path = Path(code.co_filename)
    if path.parent.name == "edge":
        return FUNCTIONS.get((path.name, code.co_name)) or FILES.get(path.name, "")
    if path.match("asyncio/streams.py"):  # what redis-py reads
        return "log"
    return "stream" if {"grpc", "rpc"}.intersection(path.parts) else ""


class Stages:
    """Tells stages of stacks."""

    def __init__(self) -> None:
        self._known: dict[CodeType, str] = {}

    def of(self, frame: FrameType | None) -> str:
        """The stage that a sample was taken in.

        Python looks at signals where a function begins or goes on, and after each call of C. Time
        of the loop itself (epoll, reading a socket) is thus seen at the first instruction of what
        the loop calls next, and counts for the stage that was woken, if it is seen there at all.
        """
        if frame is not None and _is_loop(frame.f_code):
            return LOOP
        while frame is not None:
            code = frame.f_code
            stage = self._known.get(code)
            if stage is None:
                stage = self._known[code] = _named(code)
            if stage:
                return stage
            frame = frame.f_back
        return "rest"


def _is_loop(code: CodeType) -> bool:
    """Whether this is who runs the loop, which itself is all C."""
    return code.co_filename.endswith("asyncio/runners.py")
