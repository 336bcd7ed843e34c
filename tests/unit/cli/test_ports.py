"""Ports: free ones never come twice, taken ones are named with who has them."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cli.errors import CliError
from cli.up.ports import DEFAULT_PORTS, check_free, free_ports


def test_free_ports_are_distinct() -> None:
    chosen = free_ports()
    assert set(chosen) == set(DEFAULT_PORTS)
    assert len(set(chosen.values())) == len(chosen)
    check_free(chosen)
    assert free_ports(chosen) == chosen


def test_taken_port_is_named_with_the_mend() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CliError) as caught:
            check_free({"edge-ws": port})
    message = caught.value.message
    assert f"port {port} (edge-ws) is taken" in message
    assert "--ports free" in message
    if Path("/proc/net/tcp").exists():
        assert f"process {os.getpid()}" in message
