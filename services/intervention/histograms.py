"""What is measured one by one here: decisions and messages to people."""

from __future__ import annotations

from services.common.metrics import Histogram

DECIDE_S = Histogram(
    "siq_intervention_decide_seconds",
    "s",
    "From being asked to the decision being durable, by path: fast (the edge), durable (the log)",
    ("path",),
)
SEND_S = Histogram(
    "siq_intervention_send_seconds",
    "s",
    "One attempt to hand a message to its provider, by how it ended",
    ("channel", "ending"),
)
ALERT_S = Histogram(
    "siq_intervention_alert_seconds",
    "s",
    "From the decision to the provider having the message, retries included",
    ("channel",),
)
