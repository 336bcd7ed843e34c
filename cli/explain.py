"""An emission as one sentence: what was seen, and how much each sign weighed.

    Rage (85 %): 3 presses on button#buy in 0.5 s; the page did not answer (+2.2), so many presses
    in a row (+1.2).

The strongest signs come first and what spoke against comes last. The numbers are log-odds; the
prior, the same for everybody, is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.common.phrases import BURSTS, PHRASES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotpath.emission import Emission

CLAUSES: Final = 4
"""Most signs that a sentence names."""
CAP: Final = "single_family"
"""The term that holds a score down while only one family of features speaks."""
_CAPPED: Final = "one kind of sign alone, so no more than this"
_TITLES: Final[Mapping[str, str]] = {
    "abandonment_confirmed": "Abandonment confirmed",
    "abandonment_cancelled": "Abandonment taken back",
}


def _weight(log_odds: float) -> str:
    return f"({log_odds:+.1f})"


def _place(emission: Emission) -> str:
    if emission.element:
        return f" at {emission.element}"
    return f" on {emission.page}" if emission.page else ""


def _presses(emission: Emission, span_ms: int | None) -> str:
    count = len(emission.evidence)
    where = f" on {emission.element}" if emission.element else ""
    within = f" in {span_ms / 1000:.1f} s" if span_ms is not None else ""
    return f"{count} {BURSTS[emission.trigger]}{where}{within}"


def explain(emission: Emission, span_ms: int | None = None) -> str:
    """Return the sentence.

    Args:
        emission: any.
        span_ms: from the first to the last event of its evidence, if known.
    """
    title = _TITLES.get(emission.trigger, emission.emotion.capitalize())
    head = f"{title} ({emission.confidence} %)"
    burst = emission.trigger in BURSTS
    phrases = PHRASES["burst" if burst else emission.emotion]
    head += f": {_presses(emission, span_ms)}; " if burst else f"{_place(emission)}: "
    # Stable: of two that weigh the same, the kernels' order decides.
    strongest = sorted(
        (term for term in emission.contributions if term[0] in phrases),
        key=lambda term: -abs(term[1]),
    )[:CLAUSES]
    clauses = [f"{phrases[name]} {_weight(worth)}" for name, worth in strongest if worth > 0]
    against = [f"{phrases[name]} {_weight(worth)}" for name, worth in strongest if worth < 0]
    if not clauses and not against:
        clauses = ["no sign of it is left"]
    if against:
        clauses.append("although " + " and ".join(against))
    capped = dict(emission.contributions).get(CAP)
    if capped is not None:
        clauses = [*clauses[: CLAUSES - 1], f"{_CAPPED} {_weight(capped)}"]
    return head + ", ".join(clauses) + "."
