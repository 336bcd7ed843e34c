"""What detection's terms say in plain words: for the command line, and for people of the team."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

BURSTS: Final[Mapping[str, str]] = {"rage_click": "presses", "slow_rage_click": "slow presses"}
"""Triggers of rage that is judged by presses, and what was pressed."""
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
