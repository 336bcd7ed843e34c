"""What each rule says of the same patterns, row by row: F fires, - does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.baselines import RULES, presses_of

CASES = Path(__file__).parents[2] / "cases"
TABLE = {
    "triple_click_selects_paragraph": "FF--------",
    "triple_click_in_text_field": "F--------F",
    "triple_click_working_button": "FFF------F",
    "two_double_clicks_working_button": "FFF--F----",
    "working_stepper": "F-F-FFFFFF",
    "working_carousel": "FFF--F----",
    "working_date_picker": "F-F-FFFFFF",
    "canvas_game": "--F---FF--",
    "dead_button_3x250": "FFF------F",
    "dead_button_4x300": "FFF-FFFF--",
    "dead_button_4x400": "FFF--F----",
    "dead_button_5x900": "FF-F-F----",
    "dead_button_5x1300": "---F------",
    "dead_button_shaking_hand": "FFFFFFFF-F",
    "dead_div_6x200": "FFF-FFFFF-",
}


@pytest.mark.parametrize("case", TABLE)
def test_rules_fire_as_their_vendors_publish(case: str) -> None:
    lines = [json.loads(line) for line in (CASES / f"{case}.ndjson").read_text().splitlines()]
    presses = presses_of(lines)
    said = "".join("F" if rule(presses) else "-" for rule in RULES.values())
    assert said == TABLE[case]
