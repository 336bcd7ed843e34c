"""Pages as they are built out there: what our SDK sends of them, and what detection makes of it."""

from __future__ import annotations

import pytest

from tests.e2e.sdk_page import CHROMIUM
from tests.e2e.zoo.keeper import check_golden, open_zoo
from tests.e2e.zoo.visits import SCENES

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(120),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make browser`"),
]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if scene.daily else pytest.mark.long)
        for name, scene in SCENES.items()
    ],
)
async def test_a_visit_is_sent_and_judged_as_it_was(name: str):
    scene = SCENES[name]
    async with open_zoo() as zoo:
        page = await zoo.open(scene.page)
        await scene.visit(page)
        await zoo.done(page)
        check_golden(name, zoo.lines())
        verdict = zoo.verdict()
    assert (verdict.count("rage") > 0) == scene.rage, verdict
    assert not verdict.automated
