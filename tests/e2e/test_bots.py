"""Somebody at Playwright's mouse, recorded by our own SDK: taken for what they move like.

`python -m benchmarks bots` does the same with hundreds. At the end each hammers a dead button: a
person is enraged by that, a program never is.
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


async def test_hands_are_people_and_straight_lines_are_not():
    recordings = await record(SESSIONS, seed=5, seconds=24, together=2 * SESSIONS)
    verdicts = run((line for lines in recordings.values() for line in lines), "bots")

    def of(kind: str) -> list[Verdict]:
        found = [verdict for name, verdict in verdicts.items() if name.startswith(kind)]
        assert len(found) == SESSIONS
        return found

    assert not any(verdict.automated for verdict in of("hand"))
    assert any(verdict.count("rage") for verdict in of("hand"))
    # How many steps the SDK sees depends on the machine; whoever is told is told for good.
    told = [verdict for verdict in of("straight") if verdict.automated]
    assert len(told) > SESSIONS / 2
    assert not any(verdict.alarms for verdict in told)
