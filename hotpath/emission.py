"""What a detector says."""

from __future__ import annotations

from typing import NamedTuple, TypedDict


class Emission(NamedTuple):
    """One revision of one episode."""

    tenant: str
    session: str
    stream: str
    episode: int
    """Number of the episode in its stream, from 1; `ids.emission_id` makes the id of it."""
    rev: int
    """From 1; a higher one replaces a lower."""
    emotion: str
    confidence: int
    """0 to 100, never below the detector's threshold."""
    trigger: str
    """`rage_click`, or `slow_rage_click` where the presses come more than a second apart."""
    occurred_at_ms: int
    """Event time (epoch ms) of what tipped it: the last press, an answer, an error or the timer."""
    evidence: list[tuple[int, int]]
    """(seq, index in the batch) of the presses, in order."""
    contributions: list[tuple[str, float]]
    """(term, log-odds); they add up to the score's log-odds."""
    page: str
    element: str


class Scores(TypedDict):
    """Peak scores of a session, before thresholds."""

    rage: int
    """0 to 100; 0 for automated sessions."""
    unanswered: int
    """0 to 100: how many of the observed presses got no answer within 2.5 s."""
    automated: bool
    """A program, not a person, did the pressing."""
