"""Runs the suite's client against the transport and reads what it reports."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from edge.protocol import SUBPROTOCOL
from scripts.builds import ROOT
from tests.acceptance.autobahn.echo import Echo
from tests.unit.edge.stand_ins import Mesh

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FOLDER = ROOT / "build" / "autobahn"
WSTEST = FOLDER / "venv" / "bin" / "wstest"
CASES = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "8.*", "9.*", "10.*")
"""All but compression (12, 13), which is not spoken here. There is nothing in 8."""
TITLES = {
    "1": "Framing",
    "2": "Pings and pongs",
    "3": "Reserved bits",
    "4": "Opcodes",
    "5": "Fragmentation",
    "6": "UTF-8",
    "7": "Closing",
    "9": "Limits",
    "10": "Miscellaneous",
}
ALLOWED = {
    "7.1.5": "close in the middle of a fragmented message",
    **dict.fromkeys(
        ("9.3.1", "9.3.2", "9.3.3", "9.4.1", "9.4.2", "9.4.3"),
        "more than 4,096 fragments: closed with 1009",
    ),
}
"""Cases that may fail, and why."""
_FINE = {"OK", "NON-STRICT", "INFORMATIONAL"}
_WORDS = ("OK", "NON-STRICT", "INFORMATIONAL", "FAILED")
_AGENT = "edge"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one case went, in the suite's words."""

    case: str
    behavior: str
    close: str

    @property
    def group(self) -> str:
        """The first number of the case."""
        return self.case.partition(".")[0]

    @property
    def verdict(self) -> str:
        """One word: the behaviour's, unless the close is worse."""
        return self.behavior if self.close in _FINE else "FAILED"

    @property
    def failed(self) -> bool:
        """Whether it is neither right nor left open by the standard."""
        return self.verdict not in _FINE


async def run(cases: Iterable[str], within_s: float) -> list[Outcome]:
    """Let the suite loose on a transport of this process.

    Raises:
        TimeoutError: it took too long.
        RuntimeError: it ended without a report; says what it said.
    """
    mesh = Mesh(max_connections_per_ip=0)
    server = await asyncio.get_running_loop().create_server(
        lambda: Echo(cast("Any", mesh)), "127.0.0.1", 0
    )
    looking = asyncio.create_task(mesh.sockets.look_after())
    try:
        port = server.sockets[0].getsockname()[1]
        return await _client(port, list(cases), within_s)
    finally:
        looking.cancel()
        server.close()
        mesh.sockets.abort()


async def _client(port: int, cases: list[str], within_s: float) -> list[Outcome]:
    reports = FOLDER / "reports"
    index = reports / "index.json"
    index.unlink(missing_ok=True)
    spec = FOLDER / "spec.json"
    server = {"agent": _AGENT, "url": f"ws://127.0.0.1:{port}", "protocols": [SUBPROTOCOL]}
    spec.write_text(json.dumps({"outdir": str(reports), "servers": [server], "cases": cases}))
    client = await asyncio.create_subprocess_exec(
        str(WSTEST), "-m", "fuzzingclient", "-s", str(spec),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(within_s):
            said, _ = await client.communicate()
    finally:
        if client.returncode is None:
            client.kill()
            await client.wait()
    if client.returncode or not index.exists():
        raise RuntimeError(f"wstest ended with {client.returncode}: {said.decode()[-2000:]}")
    return read(index)


def read(index: Path) -> list[Outcome]:
    """The outcomes in a report's index, in the order of their numbers."""
    found: dict[str, dict[str, str]] = json.loads(index.read_text())[_AGENT]
    outcomes = [Outcome(case, it["behavior"], it["behaviorClose"]) for case, it in found.items()]
    return sorted(outcomes, key=lambda outcome: [int(part) for part in outcome.case.split(".")])


def table(outcomes: list[Outcome]) -> list[str]:
    """A Markdown table, a row a group, and what failed."""
    lines = [
        f"| group | cases | {' | '.join(map(str.lower, _WORDS))} |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for group in dict.fromkeys(outcome.group for outcome in outcomes):
        of = [outcome for outcome in outcomes if outcome.group == group]
        count = Counter("FAILED" if outcome.failed else outcome.verdict for outcome in of)
        numbers = [len(of), *(count[word] for word in _WORDS)]
        lines.append(f"| {group} {TITLES[group]} | " + " | ".join(map(str, numbers)) + " |")
    lines.append("")
    lines += [
        f"- {it.case} failed ({it.behavior}, close {it.close}): {ALLOWED.get(it.case, 'a defect')}"
        for it in outcomes
        if it.failed
    ]
    return lines
