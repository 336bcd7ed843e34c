"""What is left of a proposal under the limits of its session. Pure: the writer holds the lock."""

from __future__ import annotations

from dataclasses import dataclass

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.intervention.proposal import Proposal


@dataclass(slots=True)
class SessionLimits:
    """When the session may be helped again, Unix epoch in milliseconds; 0: now."""

    page_free_at_ms: int = 0
    team_free_at_ms: int = 0


def settle(proposal: Proposal, session: SessionLimits, *, handled: bool, now_ms: int) -> None:
    """Take out of the decision what may not happen, and move the session's limits.

    The reason says why help in the page was taken out, even where the alert still goes.

    Args:
        handled: another revision of the episode already intervened.
    """
    decision = proposal.decision
    if not decision.HasField("intervention") and not decision.HasField("recommendation"):
        return
    if handled:
        _take_out_page(decision, "episode_handled")
        _take_out_team(proposal)
        return
    if decision.HasField("intervention"):
        if proposal.stale:
            _take_out_page(decision, "stale")
        elif session.page_free_at_ms > now_ms:
            _take_out_page(decision, "cooldown")
        else:
            session.page_free_at_ms = now_ms + proposal.limits.page_cooldown_s * 1000
    if decision.HasField("recommendation"):
        if session.team_free_at_ms > now_ms:
            _take_out_team(proposal)
            if not decision.HasField("intervention") and decision.reason == "rule":
                decision.reason = "cooldown"
        else:
            session.team_free_at_ms = now_ms + proposal.limits.team_cooldown_s * 1000
    if decision.HasField("intervention") or decision.HasField("recommendation"):
        decision.action = pb.DECISION_ACTION_INTERVENE


def _take_out_page(decision: pb.Decision, reason: str) -> None:
    decision.ClearField("intervention")
    decision.reason = reason


def _take_out_team(proposal: Proposal) -> None:
    proposal.decision.ClearField("recommendation")
    proposal.messages.clear()
