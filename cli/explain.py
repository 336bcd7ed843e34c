"""An emission as one sentence: what was seen, and how much each sign weighed.

    Rage (85 %): 3 presses on button#buy in 0.5 s; the page did not answer (+2.2), so many presses
    in a row (+1.2).

The strongest signs come first and what spoke against comes last. The numbers are log-odds; the
prior, the same for everybody, is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotpath.emission import Emission

CLAUSES: Final = 4
"""Most signs that a sentence names."""
CAP: Final = "single_family"
"""The term that holds a score down while only one family of features speaks."""
_CAPPED: Final = "one kind of sign alone, so no more than this"
_BURSTS: Final[Mapping[str, str]] = {"rage_click": "presses", "slow_rage_click": "slow presses"}
_TITLES: Final[Mapping[str, str]] = {
    "abandonment_confirmed": "Abandonment confirmed",
    "abandonment_cancelled": "Abandonment taken back",
}
PHRASES: Final[Mapping[str, Mapping[str, str]]] = {
    "burst": {
        "presses": "so many presses in a row",
        "extra_presses": "still more presses after that",
        "quick_presses": "in quick succession",
        "unanswered_presses": "the page did not answer",
        "late_answers": "the page answered late or not at all",
        "answered_presses": "the page answered in time",
        "unproven": "too few presses went unanswered to accuse the page",
        "unobservable": "answers cannot be seen here",
        "error": "an error came with them",
        "disabled_target": "the control is disabled",
        "plain_target": "nothing says that it can be pressed",
        "repeated": "not the first time on this element",
        "troubled": "trouble elsewhere a moment before",
        "insisted": "kept at it and pressed nothing else",
    },
    "rage": {
        "key_mashing": "keys mashed faster than anybody writes",
        "refused_submits": "a refused form sent again and again",
        "error_presses": "presses that each ended in an error",
        "raged_cursor": "the cursor thrashed about",
    },
    "hesitation": {
        "dwell": "rested on it without pressing",
        "returns": "came, went and came back",
        "toggling": "changed an option back and forth",
        "slow_typing": "typed more slowly than before",
        "rewriting": "deleted much of what was typed",
        "slow_start": "entered a field and was long in starting",
        "left_empty": "thought about a field and left it empty",
        "pause_before_submit": "filled everything in and did not send it",
        "cancelled_press": "pressed down and let go elsewhere",
        "deliberation": "took long on the way to a press",
        "wavering": "took detours on the way to a press",
    },
    "confusion": {
        "quick_back": "went to a page and came straight back",
        "page_loop": "saw the same page again and again",
        "stray_presses": "pressed what is no control",
        "dead_presses": "pressed several controls, none of which answered",
        "scroll_hunt": "scrolled up and down in search of something",
        "hover_scan": "went from control to control and pressed none",
        "menu_thrash": "opened one menu after another",
        "field_pingpong": "went back to fields already left",
        "refused_again": "had the same field refused again",
        "search_rewrite": "rewrote a search and took no result",
        "thrash": "the cursor thrashed about",
        "help_again": "opened the same hint or dialog again",
    },
    "abandonment": {
        "exit_intent": "the pointer shot out through the top",
        "hidden": "the tab was hidden",
        "hidden_long": "the tab stayed hidden",
        "idle": "nothing happened any more",
        "idle_long": "nothing happened for a long while",
        "back_out": "went back from the cart or the checkout",
        "left_dirty": "began a form and went to another page",
        "struggle": "enraged or confused a moment before",
        "unloaded": "the visit ended with the goal in progress",
        "goal_value": "a cart or a checkout was at stake",
    },
}
"""What each term says; `burst` are the terms of rage that is judged by presses."""


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
    return f"{count} {_BURSTS[emission.trigger]}{where}{within}"


def explain(emission: Emission, span_ms: int | None = None) -> str:
    """Return the sentence.

    Args:
        emission: any.
        span_ms: from the first to the last event of its evidence, if known.
    """
    title = _TITLES.get(emission.trigger, emission.emotion.capitalize())
    head = f"{title} ({emission.confidence} %)"
    burst = emission.trigger in _BURSTS
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
