"""The simulation as a test: it breaks nothing, replays exactly, and would find what is broken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.defects import DEFECTS
from tests.simulation.runner import explain, play_many
from tests.simulation.story import play

ROOT = Path(__file__).parents[2]
_HASHES = """
from tests.simulation.story import play
print(*(play(seed).trace_hash for seed in (7, 3, 5)))
"""


def _break_nothing(seeds: int) -> None:
    report = play_many(range(1, seeds + 1), jobs=2)
    assert report.seeds == seeds
    assert report.emotions > seeds, "hardly anybody raged: the simulation proves nothing"
    assert not report.broken, "\n".join(explain(result) for result in report.broken[:3])


@pytest.mark.timeout(400)
def test_hundreds_of_seeds_break_no_promise():
    _break_nothing(400)


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_ten_thousand_seeds_break_no_promise():
    _break_nothing(10_000)


def test_a_seed_replays_identically():
    first = play(3, keep_trace=True)
    play(5)
    assert play(3, keep_trace=True) == first
    assert play(4).trace_hash != first.trace_hash


@pytest.mark.parametrize("hash_seed", ["0", "12345"])
def test_a_seed_replays_identically_in_another_process(hash_seed: str):
    done = subprocess.run(
        [sys.executable, "-c", _HASHES],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [play(seed).trace_hash for seed in (7, 3, 5)]


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_found(name: str):
    defect, words = DEFECTS[name]
    with defect():
        for seed in range(1, 101):
            if any(words in violation for violation in play(seed).violations):
                return
    pytest.fail(f"100 seeds, and none noticed that {name.replace('_', ' ')}")
