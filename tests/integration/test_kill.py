"""Every process and engine, killed or stopped while visitors rage: nothing lost, nothing twice.

Help in the page may be missed while its way is cut (design 9: late help is none). Everything else
must hold: what was acknowledged is in the log, each owner gets exactly one text, each
recommendation that was acted on ends as acted, and the victim is back.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cli import mesh as records
from cli.mesh import Mesh
from cli.smoke.private import private_mesh
from cli.smoke.run import Run
from cli.smoke.verdict import Verdict

VISITORS = 12
PROCESSES = (
    "edge",
    "detection",
    "intervention",
    "identity",
    "accountability",
    "pipeline",
    "sandbox",
)
ENGINES = ("postgres", "valkey-log", "valkey-state")
ALWAYS = [
    ("edge", signal.SIGKILL),
    ("detection", signal.SIGKILL),
    ("intervention", signal.SIGKILL),
    ("valkey-log", signal.SIGKILL),
    ("postgres", signal.SIGKILL),
    ("edge", signal.SIGTERM),
]
OTHERS = [
    (victim, how)
    for victim in PROCESSES + ENGINES
    # PostgreSQL's SIGTERM waits for its clients to leave; SIGINT is its ordinary stop.
    for how in (signal.SIGKILL, signal.SIGINT if victim == "postgres" else signal.SIGTERM)
    if (victim, how) not in ALWAYS
]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def data() -> AsyncIterator[Path]:
    """The data folder of a mesh that all cases share: it must survive each of them."""
    async with private_mesh() as (folder, _):
        yield folder


def now(data: Path) -> Mesh:
    found = records.read(data)
    assert found is not None
    return found


async def play_with(data: Path, victim: str, how: signal.Signals) -> Verdict:
    """Play the smoke story, and send the victim a signal in the middle of it."""
    secret = json.loads((data / "secrets.json").read_text())["mesh"]
    provisioned = asyncio.Event()
    run = Run(now(data), secret, VISITORS, lambda _: provisioned.set())
    playing = asyncio.create_task(run.play())
    await provisioned.wait()
    await asyncio.sleep(3.5)  # some have raged, some are at it, some are still to come
    before = now(data).processes[victim].pid
    os.kill(before, how)
    verdict = await playing
    async with asyncio.timeout(20):
        while now(data).processes[victim].pid == before:
            await asyncio.sleep(0.1)
    return verdict


def without_missed_help(verdict: Verdict) -> list[str]:
    return [loss for loss in verdict.lost if not loss.endswith("in the page")]


@pytest.mark.parametrize(
    ("victim", "how"),
    [
        *(pytest.param(*case, id=f"{case[0]}-{case[1].name}") for case in ALWAYS),
        *(
            pytest.param(*case, id=f"{case[0]}-{case[1].name}", marks=pytest.mark.long)
            for case in OTHERS
        ),
    ],
)
async def test_a_fault_loses_nothing_and_doubles_nothing(
    data: Path, victim: str, how: signal.Signals
):
    verdict = await play_with(data, victim, how)
    assert without_missed_help(verdict) == [], verdict.problems
    assert verdict.duplicated == []
    assert verdict.acted == VISITORS, verdict.problems


async def test_after_all_that_the_line_holds_as_if_nothing_had_been(data: Path):
    secret = json.loads((data / "secrets.json").read_text())["mesh"]
    verdict = await Run(now(data), secret, VISITORS, lambda _: None).play()
    assert (verdict.lost, verdict.duplicated, verdict.acted) == ([], [], VISITORS)
