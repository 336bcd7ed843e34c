"""What a CPU profile of Chromium's says of one script."""

from __future__ import annotations

from typing import Any, NamedTuple


class Cost(NamedTuple):
    """Of the frames of some scripts, and of what they call."""

    share: float
    """Of the time profiled, 0 to 1."""
    longest_ms: float
    """The longest stretch in which each sample was inside them."""


def cost_of(profile: dict[str, Any], script: str) -> Cost:
    """Return the cost of all scripts whose address contains `script`.

    Args:
        profile: as `Profiler.stop` answers.
        script: part of an address.
    """
    nodes: dict[int, dict[str, Any]] = {node["id"]: node for node in profile["nodes"]}
    parent = {child: node["id"] for node in nodes.values() for child in node.get("children", [])}
    inside: dict[int, bool] = {}

    def is_inside(node: int) -> bool:
        if node not in inside:
            above = parent.get(node)
            inside[node] = script in nodes[node]["callFrame"]["url"] or (
                above is not None and is_inside(above)
            )
        return inside[node]

    spent_us = longest_us = stretch_us = 0
    for node, delta_us in zip(profile["samples"], profile["timeDeltas"], strict=True):
        if is_inside(node):
            spent_us += delta_us
            stretch_us += delta_us
            longest_us = max(longest_us, stretch_us)
        else:
            stretch_us = 0
    whole_us = profile["endTime"] - profile["startTime"]
    return Cost(spent_us / max(whole_us, 1), longest_us / 1000)
