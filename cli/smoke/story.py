"""What one visitor and the owner of their company live through, as it is recorded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

EXPECT_S = 10.0
"""What has not come by then is lost."""


@dataclass(slots=True)
class Message:
    """A text message as the sandbox got it."""

    id: int
    body: str
    received_at_ms: float


@dataclass(slots=True)
class Story:
    """One visitor of one company with one owner."""

    index: int
    company: str
    phone: str
    session: str = ""
    stream: str = ""
    offset_ms: float = 0.0
    """Server's clock minus the visitor's, as the edge took it."""
    presses: list[float] = field(default_factory=list[float])
    """When each press was meant to be sent, epoch ms of the visitor."""
    late_ms: list[float] = field(default_factory=list[float])
    """How much later each press really went out: the generator's own lateness."""
    interventions: dict[str, float] = field(default_factory=dict[str, float])
    """Id of each in-page frame, with its first arrival, epoch ms."""
    deliveries: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    """How often each (intervention, connection) came. On a new connection the edge sends again what
    was not shown yet, and the page shows it once; twice on one connection is a defect."""
    decision: str = ""
    emotions: dict[str, int] = field(default_factory=dict[str, int])
    """Rage episodes told to the page, with their highest rev."""
    heard: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """When each rage was felt and when the page heard of it, epoch ms of the visitor."""
    messages: list[Message] = field(default_factory=list[Message])
    sent: dict[int, str] = field(default_factory=dict[int, str])
    """Each acknowledged or awaited seq, with the log record that proves it."""
    acked: int = 0
    act_at_ms: float = 0.0
    """When the owner tapped, epoch ms."""
    offered: bool = False
    acted: bool = False
    problems: list[str] = field(default_factory=list[str])

    def press_at(self, occurred_at_ms: float) -> float:
        """When the press behind an emotion was meant to be sent, on the visitor's clock.

        Args:
            occurred_at_ms: event time of the last evidence, on the server's clock.
        """
        return self.press_near(occurred_at_ms - self.offset_ms)

    def press_near(self, at_ms: float) -> float:
        """When the press nearest to a time was meant to be sent, both on the visitor's clock."""
        return min(self.presses, key=lambda press: abs(press - at_ms))
