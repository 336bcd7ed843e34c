"""How long the caller of the RPC being served still waits.

What a handler asks of others is asked for its caller's sake: nobody listens to the answer once the
caller has given up. So calls inside a handler take the caller's remaining time where it is less
than their own (`channels.py`), and each hop has less of it than the one before.
"""

from __future__ import annotations

import contextvars
import time
from typing import Final

_ABOUT_TO_S: Final = 0.005  # timers of gRPC are of a millisecond
_until_s: contextvars.ContextVar[float | None] = contextvars.ContextVar("until", default=None)


def begin(remaining_s: float | None) -> None:
    """Note how long the caller of the running task waits.

    None: for as long as it takes; also for work that goes on when its caller has gone, because
    others wait for it too.
    """
    _until_s.set(None if remaining_s is None else time.monotonic() + remaining_s)


def within(deadline_s: float | None) -> float | None:
    """A call's own deadline, or what the caller has left if that is less."""
    until_s = _until_s.get()
    if until_s is None:
        return deadline_s
    left_s = max(0.0, until_s - time.monotonic())
    return left_s if deadline_s is None else min(deadline_s, left_s)


def over() -> bool:
    """Whether the caller has given up, or is about to."""
    until_s = _until_s.get()
    return until_s is not None and until_s - time.monotonic() < _ABOUT_TO_S
