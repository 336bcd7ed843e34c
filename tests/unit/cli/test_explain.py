"""Explanations: complete, and sentences that a person can read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.detect import command
from cli.explain import CAP, CLAUSES, explain
from hotpath.emission import EMOTIONS, TERMS, Emission
from services.common.phrases import PHRASES

CASES = Path(__file__).parents[2] / "cases"


def emission(
    emotion: str, contributions: list[tuple[str, float]], *, trigger: str = "", confidence: int = 60
) -> Emission:
    return Emission(
        "t", "s", "p", 1, 1, emotion, confidence, trigger, 0, [(1, 0)], contributions, "/shop", ""
    )


def test_every_term_has_a_phrase() -> None:
    for (emotion, burst), terms in TERMS.items():
        phrases = PHRASES["burst" if burst else EMOTIONS[emotion]]
        assert set(phrases) == {term for term in terms if term not in ("", "prior", CAP)}


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        (
            "dead_button_3x250",
            "Rage (85 %): 3 presses on button#buy in 0.5 s; the page did not answer (+2.2),"
            " so many presses in a row (+1.2).",
        ),
        (
            "disabled_button_hammered",
            "Rage (89 %): 3 presses on button#pay in 0.4 s; the page did not answer (+2.2),"
            " so many presses in a row (+1.2), the control is disabled (+0.8).",
        ),
        (
            "dead_button_5x1300",
            "Rage (95 %): 5 slow presses on button#buy in 5.2 s; so many presses in a row (+2.6),"
            " the page did not answer (+2.2), kept at it and pressed nothing else (+0.4).",
        ),
        (
            "dead_div_6x200",
            "Rage (83 %): 6 presses on div.card in 1.0 s; so many presses in a row (+2.6), the page"
            " did not answer (+2.2), still more presses after that (+0.1), although nothing says"
            " that it can be pressed (-2.0).",
        ),
    ],
)
def test_detect_explains_a_recording(case: str, sentence: str) -> None:
    result = CliRunner().invoke(command, [str(CASES / f"{case}.ndjson"), "--explain"])
    said = [json.loads(line)["explanation"] for line in result.stdout.splitlines()]
    assert sentence in said


def test_strongest_signs_come_first_and_four_at_most() -> None:
    said = explain(
        emission(
            "confusion",
            [
                ("prior", -2.2), ("quick_back", 1.1), ("scroll_hunt", 2.4), ("hover_scan", 0.9),
                ("menu_thrash", 1.0), ("thrash", 0.5),
            ],
        )
    )  # fmt: skip
    assert said.startswith("Confusion (60 %) on /shop: scrolled up and down in search of something")
    assert said.count("(+") == CLAUSES
    assert "thrashed" not in said


def test_what_spoke_against_comes_last() -> None:
    said = explain(
        emission(
            "rage",
            [("prior", -2.2), ("presses", 2.6), ("plain_target", -2.0), ("error", 1.2)],
            trigger="rage_click",
        ),
        900,
    )
    assert said == (
        "Rage (60 %): 1 presses in 0.9 s; so many presses in a row (+2.6), an error came with"
        " them (+1.2), although nothing says that it can be pressed (-2.0)."
    )


def test_one_family_alone_is_said_to_be_no_more() -> None:
    said = explain(emission("hesitation", [("prior", -2.0), ("returns", 2.1), (CAP, -0.5)]))
    assert said.endswith("one kind of sign alone, so no more than this (-0.5).")


def test_an_episode_taken_back_says_so() -> None:
    said = explain(
        emission("abandonment", [("prior", -1.8)], trigger="abandonment_cancelled", confidence=14)
    )
    assert said == "Abandonment taken back (14 %) on /shop: no sign of it is left."
