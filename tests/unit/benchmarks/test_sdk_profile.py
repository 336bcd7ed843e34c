"""What is read out of a CPU profile."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.sdk.profile import cost_of


def node(number: int, url: str, *children: int) -> dict[str, Any]:
    return {"id": number, "callFrame": {"url": url}, "children": list(children)}


def test_a_script_answers_for_what_it_calls():
    profile = {
        # The page calls ours, ours calls the browser; the page works on its own too.
        "nodes": [
            node(1, "", 2, 4),
            node(2, "https://a/sentientiq.js", 3),
            node(3, ""),
            node(4, "https://a/page.js"),
        ],
        "samples": [1, 2, 3, 4, 3, 1],
        "timeDeltas": [100, 200, 300, 400, 500, 500],
        "startTime": 0,
        "endTime": 2_000,
    }
    cost = cost_of(profile, "sentientiq")
    assert cost.share == pytest.approx(0.5)
    assert cost.longest_ms == pytest.approx(0.5)
