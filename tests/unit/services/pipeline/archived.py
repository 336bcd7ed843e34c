"""What tests put into archives."""

from __future__ import annotations

from typing import Any

from services.pipeline.decode import decode_frame
from services.pipeline.event_rows import event_rows
from services.pipeline.split import split_by_hour
from services.pipeline.topics import TOPICS
from tests.unit.services.pipeline.messages import T0_MS, batch, delivered

BEHAVIOR = TOPICS[0]


def files(roll: int = 1, stored_ms: int = T0_MS) -> dict[str, Any]:
    """Two tenants, one of them in two hours; each roll has other frames."""
    first = 10 * (roll - 1)
    deliveries = [
        delivered(item, decode_frame, offset=first + place + 1)
        for place, item in enumerate(
            [
                batch(first + 2, session="s9"),
                batch(first + 1, session="s1"),
                batch(first + 1, session="s1", tenant="../b"),
                batch(first + 3, session="s9", t0_ms=T0_MS + 3_600_000),
            ]
        )
    ]
    return split_by_hour(event_rows(deliveries, stored_ms), BEHAVIOR.order, roll)
