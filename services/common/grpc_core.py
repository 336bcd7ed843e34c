"""How gRPC's core polls, said before it is loaded: import this before anything that imports grpc.

Its event engine hands each call through threads of its own to ours, which costs on few cores
(benchmarks/README.md, "decide"). The poller that it replaced reads in the thread that Python waits
in. `GRPC_EXPERIMENTS` in the environment has the last word; names that a later release no longer
knows do nothing.
"""

from __future__ import annotations

import os
from typing import Final

_OFF: Final = (
    *("event_engine_listener", "event_engine_client", "event_engine_callback_cq"),
    *("event_engine_fork", "pollset_alternative"),
)

os.environ.setdefault("GRPC_EXPERIMENTS", ",".join(f"-{name}" for name in _OFF))
