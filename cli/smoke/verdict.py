"""What the run amounts to: counts, latencies, and everything that was lost or came twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2

from cli.quantiles import summary
from cli.smoke.ledger import Ledger
from cli.smoke.story import EXPECT_S, Story

INTERVENTION_P99_MS = 300.0
ALERT_P99_MS = 1_000.0
SLOW_ALERT_P99_MS = 3_000.0
"""With a provider that takes a second and fails once for each message."""
ACT_P99_MS = 1_000.0
GENERATOR_P99_MS = 10.0
_LOST_MS = EXPECT_S * 1000


@dataclass(slots=True)
class Verdict:
    """The result of one run."""

    visitors: int
    interventions: int
    intervention_ms: dict[str, float]
    alert_ms: dict[str, float]
    verdict_ms: list[float]
    """From each press that tipped rage, or raised it, until the page heard of it."""
    act_ms: dict[str, float]
    """From an owner's tap to the frame in the visitor's page."""
    acted: int
    late_ms: dict[str, float]
    alert_within_ms: float = ALERT_P99_MS
    lost: list[str] = field(default_factory=list[str])
    duplicated: list[str] = field(default_factory=list[str])
    problems: list[str] = field(default_factory=list[str])

    @property
    def generator_was_late(self) -> bool:
        """Whether the machine was too busy for the latencies to mean much."""
        return self.late_ms["p99"] > GENERATOR_P99_MS

    @property
    def holds(self) -> bool:
        """Whether the line holds, all of it."""
        return (
            self.interventions == self.acted == self.visitors
            and not self.lost
            and not self.duplicated
            and self.intervention_ms["p99"] < INTERVENTION_P99_MS
            and self.alert_ms["p99"] < self.alert_within_ms
            and self.act_ms["p99"] < ACT_P99_MS
        )

    def as_json(self) -> dict[str, Any]:
        """The one line that is printed last."""
        return {
            "interventions": self.interventions,
            "intervention_ms": self.intervention_ms,
            "alert_ms": self.alert_ms,
            "act_ms": self.act_ms,
            "acted": self.acted,
            "lost": len(self.lost),
            "duplicated": len(self.duplicated),
            "visitors": self.visitors,
            "generator_late_ms": self.late_ms,
        }


def judge(
    stories: list[Story],
    ledger: Ledger,
    missing: list[str],
    alert_within_ms: float = ALERT_P99_MS,
) -> Verdict:
    """Judge a run.

    Args:
        stories: what the visitors and owners recorded.
        ledger: the tenant's part of the log.
        missing: acknowledged messages that are not in the log.
        alert_within_ms: what the 99th percentile of texts must stay under.
    """
    shown: list[float] = []
    acted: list[float] = []
    alerted: list[float] = []
    lost = list(missing)
    duplicated: list[str] = []
    for story in stories:
        decision = ledger.decisions.get(story.decision)
        shown.append(_intervention_ms(story, decision))
        alerted.append(_alert_ms(story, decision))
        acted.append(_act_ms(story))
        lost += _lost(story)
        duplicated += _duplicated(story, ledger)
    return Verdict(
        visitors=len(stories),
        interventions=sum(1 for story in stories if story.interventions),
        intervention_ms=summary(shown),
        alert_ms=summary(alerted),
        verdict_ms=[
            heard - story.press_near(felt) for story in stories for felt, heard in story.heard
        ],
        act_ms=summary(acted),
        acted=sum(1 for story in stories if story.acted),
        late_ms=summary([late for story in stories for late in story.late_ms]),
        lost=lost,
        duplicated=duplicated,
        alert_within_ms=alert_within_ms,
        problems=[f"visitor {s.index}: {text}" for s in stories for text in s.problems],
    )


def _intervention_ms(story: Story, decision: intervention_pb2.Decision | None) -> float:
    """From the press that tipped it (meant send time) to the frame in the page."""
    if not story.interventions or decision is None:
        return _LOST_MS
    first = next(iter(story.interventions.values()))
    return first - story.press_at(decision.emotion.occurred_at_ms)


def _alert_ms(story: Story, decision: intervention_pb2.Decision | None) -> float:
    """From the same press to the provider's receipt of the text."""
    if not story.messages or decision is None:
        return _LOST_MS
    return story.messages[0].received_at_ms - story.press_at(decision.emotion.occurred_at_ms)


def _act_ms(story: Story) -> float:
    """From the owner's tap to the offer in the page; both are read off this machine's clock."""
    arrivals = list(story.interventions.values())
    if len(arrivals) < 2 or not story.act_at_ms:
        return _LOST_MS
    return arrivals[1] - story.act_at_ms


def _lost(story: Story) -> list[str]:
    expected = {
        "help in the page": bool(story.interventions),
        "text to the owner": bool(story.messages),
        "offer in the page": len(story.interventions) > 1,
    }
    return [f"visitor {story.index}: {what}" for what, came in expected.items() if not came]


def _duplicated(story: Story, ledger: Ledger) -> list[str]:
    found: list[str] = []
    if len(story.messages) > 1:
        found.append(f"visitor {story.index}: {len(story.messages)} texts to the owner")
    if len(story.interventions) > 2:
        found.append(f"visitor {story.index}: {len(story.interventions)} interventions in the page")
    found += [
        f"visitor {story.index}: intervention {id} came {times} times on one connection"
        for (id, _), times in story.deliveries.items()
        if times > 1
    ]
    asking = [
        decision.id
        for decision in ledger.decisions.values()
        if decision.session_id == story.session and decision.HasField("recommendation")
    ]
    if len(asking) > 1:
        found.append(f"visitor {story.index}: {len(asking)} recommendations")
    return found
