"""TCP ports of the mesh: the well-known ones, free ones, and who stands in the way."""

from __future__ import annotations

import contextlib
import os
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


def free_ports(last: Mapping[str, int] | None = None) -> dict[str, int]:
    """Choose a free port for each, the last one where it still is.

    All stay bound until all are chosen, so none comes twice.
    """
    chosen: dict[str, int] = {}
    with contextlib.ExitStack() as stack:
        for name in DEFAULT_PORTS:
            probe = stack.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", (last or {}).get(name, 0)))
            except OSError:
                probe.bind(("127.0.0.1", 0))
            chosen[name] = probe.getsockname()[1]
    return chosen


def check_free(ports: Mapping[str, int]) -> None:
    """Make sure that nobody listens on any of the ports.

    Raises:
        CliError: naming each taken port, who has it, and the mend.
    """
    taken: list[str] = []
    for name, port in ports.items():
        with socket.socket() as probe:
            # As servers do: what lingers of closed connections is nobody.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
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
