"""Cancellation that cannot get lost.

On Python 3.11 `asyncio.wait_for` drops a cancellation that comes in the very moment its inner call
is done (fixed in 3.12), and redis-py sends every command through it. A loop whose only wish is to
be cancelled would run on, and a process told to stop would not.
"""

from __future__ import annotations

import asyncio


def heed_cancellation() -> None:
    """Raise CancelledError if this task was told to stop. Call at the top of endless loops."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
