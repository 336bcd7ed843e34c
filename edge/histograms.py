"""What is rare enough at the edge to be measured one by one: rounds and emotions, never frames."""

from __future__ import annotations

from services.common.metrics import Histogram

APPEND_S = Histogram(
    "siq_edge_append_seconds", "s", "From taking a round of records to the log's answer"
)
VERDICT_S = Histogram(
    "siq_edge_verdict_seconds",
    "s",
    "From what tipped an emotion (event time) to its verdict at the edge",
)
DECIDE_S = Histogram(
    "siq_edge_decide_seconds", "s", "From the verdict to the decision, identity included"
)
