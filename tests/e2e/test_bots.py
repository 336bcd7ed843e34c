"""Hands at Playwright's mouse, recorded by our own SDK: even sampling makes nobody a program.

`python -m benchmarks bots` does the same with hundreds, and with straight lines. At the end each
hammers a dead button, which enrages.
"""

from __future__ import annotations

import shutil

import pytest

from benchmarks.accuracy.verdicts import Verdict, run
from benchmarks.bots.command import record

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SESSIONS = 3

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(180),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make browser`"),
]


async def test_hands_are_people():
    recordings = await record(SESSIONS, seed=5, seconds=14, together=2 * SESSIONS)
    verdicts = run((line for lines in recordings.values() for line in lines), "bots")
    hands: list[Verdict] = [v for name, v in verdicts.items() if name.startswith("hand")]
    assert len(hands) == SESSIONS
    assert not any(verdict.automated for verdict in hands)
    assert all(verdict.count("rage") for verdict in hands)
