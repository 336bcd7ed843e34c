"""Python's cyclic garbage collector, kept off the loop's back.

With ten thousand sockets a collection of everything stops the worker for a third of a second, and
finds nothing: whatever a connection made is taken apart when it ends, so that counting references
frees it (tests/unit/edge/test_websocket.py holds that). Young garbage is still collected.
"""

from __future__ import annotations

import gc
from typing import Final

_YOUNG: Final = 10_000
_MIDDLE: Final = 20
_NEVER: Final = 1_000_000_000


def tame() -> None:
    """Set aside what start-up made, and never again look at what has grown old."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
