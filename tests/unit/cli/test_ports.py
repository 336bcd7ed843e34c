"""Ports: free ones never come twice, taken ones are named with who has them."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cli.errors import CliError
from cli.up.ports import DEFAULT_PORTS, check_free, free_port, free_ports


def test_free_ports_are_distinct() -> None:
    chosen = free_ports()
    assert set(chosen) == set(DEFAULT_PORTS)
    assert len(set(chosen.values())) == len(chosen)
    check_free(chosen)
    assert free_ports(chosen) == chosen


def test_no_free_port_is_one_that_connections_get(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENTIENTIQ_FREE_PORTS", raising=False)
    assert all(10_000 <= free_port() <= 32_767 for _ in range(50))


def test_free_ports_are_of_the_range_that_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIENTIQ_FREE_PORTS", "23000-23099")
    assert all(23_000 <= port <= 23_099 for port in free_ports().values())


def test_no_port_is_given_twice_while_there_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIENTIQ_FREE_PORTS", "23100-23119")
    # Some may be taken by others on this machine.
    given = [free_port() for _ in range(10)]
    assert len(set(given)) == 10
    assert all(23_100 <= free_port() <= 23_119 for _ in range(20))


@pytest.mark.parametrize("text", ["1-2-3", "9-1", "0-5", "80-70000", "many"])
def test_a_range_that_is_none_is_an_error(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SENTIENTIQ_FREE_PORTS", text)
    with pytest.raises(CliError, match="FIRST-LAST"):
        free_port()


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
