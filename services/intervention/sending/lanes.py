"""Lanes: what is urgent is claimed first, and what can wait never takes all the room.

The column `lane` of a message follows from its channel (migrations/0005_channels.sql): pagers and
texts, chat, webhooks, e-mail.
"""

from __future__ import annotations

from collections.abc import Mapping

CHANNELS = ("sms", "slack", "webhook", "email", "teams", "pagerduty")
"""Every kind of channel that the dispatcher can use."""
ROOM = {0: 256, 1: 192, 2: 128, 3: 64}
"""Attempts under way at most, while less urgent lanes count into the whole too."""
MOST = max(ROOM.values())


def full_lanes(in_flight: Mapping[int, int]) -> list[int]:
    """Lanes that may take no more. A lane sees what is under way in it and in those below."""
    return [
        lane
        for lane, room in ROOM.items()
        if sum(count for other, count in in_flight.items() if other >= lane) >= room
    ]
