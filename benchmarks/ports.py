"""Where servers of a benchmark listen."""

from __future__ import annotations

import socket


def free_address() -> str:
    """An address of this machine whose port was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
