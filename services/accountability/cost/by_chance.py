"""The verdict where a holdout decided who was left alone."""

from __future__ import annotations

import importlib
from typing import Any, Final

import numpy as np

from services.accountability.cost.randomised import comparable, difference
from services.accountability.cost.sample import Money, Sample, one_rules, too_few
from services.accountability.cost.units import Floats, Units
from services.accountability.cost.verdict import Check, Method, MoneyVerdict, Verdict

_SRM_ALPHA: Final = 0.001
_stats: Final[Any] = importlib.import_module("scipy.stats")  # without types


def judge_dealt(sample: Sample, level: float) -> Verdict:
    """Compare by the holdout; the verdict is "cannot tell" where it is broken or too small."""
    units = sample.units
    helped, ignored = sample.arms()
    missing = too_few(units, units.kept, "kept")
    if missing:
        return Verdict(Method.CANNOT_TELL, level, helped, ignored, missing=missing)
    ratio = _sample_ratio(units)
    if not ratio.passed:
        return Verdict(
            Method.CANNOT_TELL, level, helped, ignored, checks=(ratio,),
            missing=("a holdout whose sides are as large as they were to be: " + ratio.text,),
        )  # fmt: skip
    counted = comparable(units.helped, units.share, units.cluster)
    units = units.where(counted)
    missing = too_few(units, units.kept, "kept")
    if missing:
        return Verdict(Method.CANNOT_TELL, level, helped, ignored, missing=missing)
    known = _known(units)
    found = difference(units.kept, units.helped, units.share, units.cluster, known, level=level)
    left = Check(
        "variance_left", found.variance_left, 1.0, True,
        f"what was known before took out {100 * (1 - found.variance_left):.0f} % of the noise",
    )  # fmt: skip
    return Verdict(
        Method.RANDOMISED, level, helped, ignored,
        effect=found.estimate,
        money=tuple(
            _money(name, sample.units, money, level)
            for name, money in sorted(sample.money.items())
        ),
        checks=(ratio, left),
        counted=counted,
    )  # fmt: skip


def _money(currency: str, units: Units, money: Money, level: float) -> MoneyVerdict:
    told = money.known.copy()
    told[told] = comparable(units.helped[told], units.share[told], units.cluster[told])
    some, kept = units.where(told), money.kept[told]
    sides = int(some.helped.sum()), int((~some.helped).sum())
    missing = too_few(some, kept, f"kept {currency}")
    if missing:
        return MoneyVerdict(currency, Method.CANNOT_TELL, *sides, missing=missing)
    known = _known(some)
    if money.stake is not None:
        known = np.column_stack([known, money.stake[told]])
    each = difference(kept, some.helped, some.share, some.cluster, known, level=level).estimate
    return MoneyVerdict(
        currency, Method.RANDOMISED, *sides, each=each, warnings=one_rules(each.largest_share)
    )


def _known(units: Units) -> Floats:
    return np.column_stack([np.empty((units.count, 0)), *units.before.values()])


def _sample_ratio(units: Units) -> Check:
    """Are the sides as large as they should be (Fabijan et al. 2019, KDD)? By clusters' firsts."""
    _, first = np.unique(units.cluster, return_index=True)
    helped, share = units.helped[first], units.share[first]
    expected = float(share.sum())
    variance = float((share * (1 - share)).sum())
    z = (float(helped.sum()) - expected) / np.sqrt(variance) if variance > 0 else 0.0
    p = float(2 * _stats.norm.sf(abs(z)))
    text = f"{helped.sum():,} of {helped.size:,} were to be helped, {expected:,.0f} were expected"
    return Check("sample_ratio_p", p, _SRM_ALPHA, p >= _SRM_ALPHA, text)
