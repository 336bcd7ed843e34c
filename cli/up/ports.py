"""TCP ports of the mesh: the well-known ones, free ones, and who stands in the way."""

from __future__ import annotations

import contextlib
import os
import random
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

from cli import processes
from cli.errors import CliError

MOST_EDGE_WORKERS = 8

DEFAULT_PORTS: Mapping[str, int] = {
    "identity": 7101,
    "detection": 7102,
    "intervention": 7103,
    "accountability": 7104,
    "pipeline": 7105,
    "edge-ws": 8080,
    "edge-http": 8081,
    "intervene": 8090,
    "sandbox": 8099,
    "sandbox-smtp": 8098,
    "shop": 8100,
    # GET /metrics of each process.
    "identity-metrics": 7201,
    "detection-metrics": 7202,
    "intervention-metrics": 7203,
    "accountability-metrics": 7204,
    "pipeline-metrics": 7205,
    "edge-metrics": 7206,
    "sandbox-metrics": 7207,
    "shop-metrics": 7208,
    # Further workers of the edge share its WebSocket port.
    **{f"edge-{number}-http": 8081 + 10 * number for number in range(2, MOST_EDGE_WORKERS + 1)},
    **{f"edge-{number}-metrics": 7207 + number for number in range(2, MOST_EDGE_WORKERS + 1)},
}

_LISTEN = "0A"


# Below what Linux gives to connections of their own (32768 and up), which might take one before it
# is listened on; above what programs are known by.
_FREE = (10_000, 32_767)
_TRIES = 10_000
_given: set[int] = set()
"""By this process: who was given one may not listen on it yet."""
_RANGE = "SENTIENTIQ_FREE_PORTS"
"""In the environment, FIRST-LAST: whose programs run side by side gives each its own."""


def free_port() -> int:
    """A port of loopback on which nobody listens; at random, none twice while there are others.

    Raises:
        CliError: none is free.
    """
    first, last = _range()
    for _ in range(_TRIES):
        port = random.randint(first, last)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    for port in random.sample(sorted(_given), len(_given)):
        if first <= port <= last and _is_free(port):
            return port
    raise CliError(f"hardly a port of {first} to {last} is free")


def free_address() -> str:
    """The same as host:port."""
    return f"127.0.0.1:{free_port()}"


def free_ports(last: Mapping[str, int] | None = None) -> dict[str, int]:
    """Choose a free port for each, the last one where it still is; none twice."""
    chosen: dict[str, int] = {}
    for name in DEFAULT_PORTS:
        port = (last or {}).get(name, 0)
        while not port or port in chosen.values() or not _is_free(port):
            port = free_port()
        chosen[name] = port
    return chosen


def _range() -> tuple[int, int]:
    text = os.environ.get(_RANGE, "")
    if not text:
        return _FREE
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last) <= 65_535):
        raise CliError(f"{_RANGE}={text!r}: give FIRST-LAST, as 10000-19999")
    return int(first), int(last)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: what lingers of closed connections is nobody.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def check_free(ports: Mapping[str, int]) -> None:
    """Make sure that nobody listens on any of the ports.

    Raises:
        CliError: naming each taken port, who has it, and the mend.
    """
    taken: list[str] = []
    for name, port in ports.items():
        if not _is_free(port):
            taken.append(f"  port {port} ({name}) is taken by {who_listens(port)}")
    if taken:
        raise CliError(
            "\n".join(["cannot start:", *taken])
            + "\nstop that, or let the mesh choose its ports: sentientiq up --ports free"
        )


def who_listens(port: int) -> str:
    """Describe the process that listens on a port, as well as can be told."""
    inodes = _listening_inodes(port)
    for entry in Path("/proc").glob("[0-9]*/fd") if inodes else ():
        if not inodes.isdisjoint(_targets(entry)):
            pid = int(entry.parent.name)
            return f"process {pid}: {' '.join(processes.arguments(pid).split())[:100]}"
    return "another process"


def _targets(folder: Path) -> Iterator[str]:
    """What the open files of a process are; nothing of a process that is not ours."""
    with contextlib.suppress(OSError):
        for link in folder.iterdir():
            with contextlib.suppress(OSError):
                yield os.readlink(link)


def _listening_inodes(port: int) -> set[str]:
    found: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found
