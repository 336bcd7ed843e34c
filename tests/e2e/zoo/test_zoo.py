"""Pages as they are built out there: what our SDK sends of them, and what detection makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.accuracy.verdicts import Verdict
from tests.e2e.sdk_page import CHROMIUM
from tests.e2e.zoo.keeper import check_golden, open_zoo
from tests.e2e.zoo.visits import SCENES, Scene, TooSlow

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(120),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make browser`"),
]


async def visited(scene: Scene) -> tuple[list[dict[str, Any]], Verdict]:
    """What was sent of a visit, and what the detector says; again if this machine was too slow."""
    attempts = 5
    while True:
        attempts -= 1
        async with open_zoo() as zoo:
            page = await zoo.open(scene.page)
            try:
                await scene.visit(page)
            except TooSlow:
                if not attempts:
                    raise
                continue
            await zoo.done(page)
            return zoo.lines(), zoo.verdict()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if scene.daily else pytest.mark.long)
        for name, scene in SCENES.items()
    ],
)
async def test_a_visit_is_sent_and_judged_as_it_was(name: str):
    scene = SCENES[name]
    lines, verdict = await visited(scene)
    check_golden(name, lines)
    assert (verdict.count("rage") > 0) == scene.rage, verdict
    assert not verdict.automated
