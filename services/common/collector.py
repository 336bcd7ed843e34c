"""Python's cyclic garbage collector, kept off the loop's back.

Little of what a process makes by the message is garbage that only the collector could find, and
its default pace, a look at each 700 objects, is made for scripts: it was half of
what the pipeline spent on decoding frames.
"""

from __future__ import annotations

import gc
from typing import Final

_YOUNG: Final = 10_000
_MIDDLE: Final = 20
_OLD: Final = 100
_NEVER: Final = 1_000_000_000


def settle() -> None:
    """Set aside what start-up made, and look seldom at what comes after."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


def tame() -> None:
    """Never again look at what has grown old.

    For the edge: with ten thousand sockets a collection of everything stops a worker for a third of
    a second, and finds nothing. Whatever a connection made is taken apart when it ends, so that
    counting references frees it (tests/unit/edge/test_websocket.py holds that).
    """
    settle()
    gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
