"""What a detector says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict

from hotpath import features
from hotpath.rage_rules import RageTerm

if TYPE_CHECKING:
    from collections.abc import Mapping

EMOTIONS: Final = tuple(emotion.name.lower() for emotion in features.EmotionKind)
"""By number in the kernels."""
_FEATURES: Final = tuple(
    tuple(feature.name.lower() for feature in members)
    for members in (
        features.RageFeature, features.HesitationFeature, features.ConfusionFeature,
        features.AbandonmentFeature,
    )
)  # fmt: skip
_ROOM: Final = 16
"""Most features of an emotion in a verdict; the cap's term and other triggers come after them."""
_PADDING: Final = ("",) * _ROOM
TRIGGERS: Final = tuple(
    (names + _PADDING)[:_ROOM] + others
    for names, others in zip(
        _FEATURES,
        (
            ("rage_click", "slow_rage_click"), (), (),
            ("abandonment_confirmed", "abandonment_cancelled"),
        ),
        strict=True,
    )
)  # fmt: skip
"""Names of the triggers of each emotion, by number in a verdict."""
TERMS: Final[Mapping[tuple[int, bool], tuple[str, ...]]] = {
    (emotion, False): (*("prior", *names, *_PADDING)[: _ROOM + 1], "single_family")
    for emotion, names in enumerate(_FEATURES)
} | {(0, True): tuple(term.name.removeprefix("TERM_").lower() for term in RageTerm)}
"""Names of the terms of a score, by emotion and whether a burst of presses is judged."""


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
    """0 to 100; below the detector's threshold only where an episode is taken back."""
    trigger: str
    """What tipped it: `rage_click`, `slow_rage_click`, or a feature of the emotion."""
    occurred_at_ms: int
    """Event time (epoch ms) of what tipped it: the last press, an answer, an error or the timer."""
    evidence: list[tuple[int, int]]
    """(seq, index in the batch) of the events, in order."""
    contributions: list[tuple[str, float]]
    """(term, log-odds); they add up to the score's log-odds."""
    page: str
    element: str


class Scores(TypedDict):
    """Peak scores of a session, before thresholds."""

    rage: int
    """Each 0 to 100; 0 for automated sessions."""
    hesitation: int
    confusion: int
    abandonment: int
    unanswered: int
    """0 to 100: how many of the observed presses got no answer within 2.5 s."""
    automated: bool
    """A program, not a person, did the pressing."""
