"""What is told, and above all what is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.cost.undealt import straight
from services.accountability.cost.judge import judge
from services.accountability.cost.sample import Money, Sample
from services.accountability.cost.units import Units
from services.accountability.cost.verdict import Method


def _units(count: int, held: int, *, lift: float = 0.2, seed: int = 0) -> Units:
    """`held` of `count` held out, by a holdout of that share."""
    chance = np.random.default_rng(seed)
    helped = chance.permutation(np.arange(count) >= held)
    kept = chance.random(count) < 0.4 + lift * helped
    share = np.full(count, 1 - held / max(count, 1))
    return Units(helped, kept, kept.astype(np.float64), share, np.arange(count))


NOBODY = Sample(_units(0, 0))


def test_a_holdout_goes_before_everything_else() -> None:
    dealt = _units(4_000, 800)
    stake = np.random.default_rng(1).lognormal(8, 1, 4_000)
    money = {"EUR": Money(stake * dealt.kept, np.ones(4_000, dtype=np.bool_), stake)}
    found = judge(Sample(dealt, money), straight(np.random.default_rng(1)).sample)
    verdict = found.verdict
    assert (found.sample, verdict.method) == ("dealt", Method.RANDOMISED)
    assert verdict.effect is not None
    assert verdict.effect.low < 0.2 < verdict.effect.high
    assert (verdict.ignored.units, verdict.helped.units) == (800, 3_200)
    (eur,) = verdict.money
    assert eur.each is not None
    truth = 0.2 * float(stake.mean())
    assert eur.each.low < truth < eur.each.high
    assert eur.total[0] == pytest.approx(800 * eur.each.value)


def test_a_small_holdout_says_how_many_are_missing() -> None:
    verdict = judge(Sample(_units(500, 40)), NOBODY).verdict
    assert verdict.method is Method.CANNOT_TELL
    assert verdict.effect is None
    assert "holdout: 60 more who were left alone (40 are there)" in verdict.missing


def test_nobody_at_all() -> None:
    verdict = judge(NOBODY, NOBODY).verdict
    assert verdict.method is Method.CANNOT_TELL
    assert len(verdict.missing) == 4


def test_few_to_whom_it_happened_are_not_enough() -> None:
    units = _units(4_000, 400)
    rare = (np.arange(4_000) % 200 == 0).astype(np.float64)
    verdict = judge(Sample(replace(units, kept=rare, happened=rare > 0)), NOBODY).verdict
    assert verdict.method is Method.CANNOT_TELL
    assert any("left alone and kept" in one for one in verdict.missing)


def test_a_broken_holdout_gives_no_figure_by_any_method() -> None:
    units = _units(4_000, 800)
    lost = units.helped & (np.arange(4_000) % 5 == 0)
    found = judge(Sample(units.where(~lost)), straight(np.random.default_rng(1)).sample)
    assert found.verdict.method is Method.CANNOT_TELL
    assert "sides are as large" in found.verdict.missing[0]


def test_without_a_holdout_likeness_answers_with_a_warning() -> None:
    found = judge(NOBODY, straight(np.random.default_rng(2)).sample)
    verdict = found.verdict
    assert (found.sample, verdict.method) == ("offered", Method.DOUBLY_ROBUST)
    assert verdict.warnings[0].startswith("nobody was held out at random")
    assert {check.name for check in verdict.checks} == {
        "overlap", "effective_units", "balance", "placebo"
    }  # fmt: skip
    assert all(check.passed for check in verdict.checks)
    assert verdict.counted is not None
    assert int(verdict.counted.sum()) == verdict.helped.units + verdict.ignored.units
    assert verdict.e_value >= 1


def test_currencies_are_never_mixed() -> None:
    units = _units(4_000, 1_000)
    euro = np.arange(4_000) % 2 == 0
    stake = np.where(euro, 100.0, 1e6)
    money = {
        "EUR": Money(stake * units.kept, euro, stake),
        "JPY": Money(stake * units.kept, ~euro, stake),
        "USD": Money(stake * units.kept, np.arange(4_000) < 50, stake),
    }
    verdict = judge(Sample(units, money), NOBODY).verdict
    eur, jpy, usd = verdict.money
    assert eur.each is not None
    assert jpy.each is not None
    assert abs(eur.each.value) <= 100
    assert jpy.each.value > 10_000
    assert eur.ignored_units + jpy.ignored_units == 1_000
    assert usd.method is Method.CANNOT_TELL
    assert usd.missing


def test_one_customer_who_decides_all_is_named() -> None:
    units = _units(4_000, 1_000)
    stake = np.where(np.arange(4_000) == int(np.flatnonzero(~units.helped)[0]), 1e9, 100.0)
    kept = stake * np.maximum(units.kept, stake > 1e6)
    money = {"EUR": Money(kept, np.ones(4_000, dtype=np.bool_))}
    (eur,) = judge(Sample(units, money), NOBODY).verdict.money
    assert any("one of them makes up" in warning for warning in eur.warnings)
