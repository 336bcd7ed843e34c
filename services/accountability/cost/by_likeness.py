"""The verdict where nobody dealt: helped ones who resemble the ignored, if there are any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from services.accountability.cost import overlap as overlaps
from services.accountability.cost.doubly_robust import Models, effect_on_ignored, fit
from services.accountability.cost.features import raw_columns
from services.accountability.cost.overlap import Overlap
from services.accountability.cost.sample import Money, Sample, one_rules, too_few
from services.accountability.cost.sensitivity import e_value
from services.accountability.cost.units import Units
from services.accountability.cost.verdict import Check, Method, MoneyVerdict, Verdict

_PLACEBO_ALPHA: Final = 0.01
_MENDS: Final = {
    "overlap": "helped people who resemble the ignored: these are helped by a fixed rule, so hold"
    " some of them out at random",
    "effective_units": "more helped people who resemble the ignored",
    "balance": "helped and ignored people who differ less in what is known of them",
    "placebo": "whatever else made the difference between the two: it was there before any help",
}


def judge_alike(sample: Sample, level: float) -> Verdict:
    """Compare by likeness; "cannot tell" unless numbers, overlap, balance and placebo are fine."""
    units = sample.units
    helped, ignored = sample.arms()
    missing = too_few(units, units.kept, "kept")
    if missing:
        return Verdict(Method.CANNOT_TELL, level, helped, ignored, missing=missing)
    raw, models = raw_columns(units), fit(units)
    found = overlaps.overlap(units.helped, models.chance, raw)
    inside, alike = units.where(found.inside), models.where(found.inside)
    checks = list(_overlap_checks(found))
    if all(check.passed for check in checks):
        missing = too_few(inside, inside.kept, "kept")
        if not missing:
            checks.append(_balance(inside, alike))
            checks += _placebos(inside, alike, level)
    lacking = (*missing, *(f"{_MENDS[one.name]} ({one.text})" for one in checks if not one.passed))
    if lacking:
        return Verdict(
            Method.CANNOT_TELL, level, helped, ignored,
            missing=lacking, checks=tuple(checks), chance=models.chance,
        )  # fmt: skip
    helped, ignored = sample.arms(found.inside)
    effect = effect_on_ignored(inside.kept, inside, alike, level)
    strength = e_value(effect, float(inside.kept[~inside.helped].mean()))
    return Verdict(
        Method.DOUBLY_ROBUST, level, helped, ignored,
        effect=effect,
        money=tuple(
            _money(currency, inside, alike, money.where(found.inside), level)
            for currency, money in sorted(sample.money.items())
        ),
        warnings=tuple(_warnings(units, found, checks, strength)),
        checks=tuple(checks), e_value=strength, counted=found.inside, chance=models.chance,
    )  # fmt: skip


def _money(currency: str, units: Units, models: Models, money: Money, level: float) -> MoneyVerdict:
    some, kept = units.where(money.known), money.kept[money.known]
    sides = int(some.helped.sum()), int((~some.helped).sum())
    missing = too_few(some, kept, f"kept {currency}")
    if missing:
        return MoneyVerdict(currency, Method.CANNOT_TELL, *sides, missing=missing)
    each = effect_on_ignored(kept, some, models.where(money.known), level)
    warnings = one_rules(each.largest_share)
    return MoneyVerdict(currency, Method.DOUBLY_ROBUST, *sides, each=each, warnings=warnings)


def _overlap_checks(found: Overlap) -> Iterator[Check]:
    low, high = found.extremes
    yield Check(
        "overlap", found.outside_share, overlaps.MOST_OUTSIDE,
        found.outside_share <= overlaps.MOST_OUTSIDE,
        f"{100 * found.outside_share:.0f} % of the ignored resemble nobody who was helped; chances"
        f" of help go from {100 * low:.0f} to {100 * high:.0f} %",
    )  # fmt: skip
    yield Check(
        "effective_units", found.effective, overlaps.LEAST_EFFECTIVE,
        found.effective >= overlaps.LEAST_EFFECTIVE,
        f"the helped, weighed to resemble the ignored, are worth {found.effective:,.0f} people",
    )  # fmt: skip


def _balance(units: Units, models: Models) -> Check:
    found = overlaps.imbalance(units.helped, models.chance, raw_columns(units))
    name, worst = max(found.items(), key=lambda item: item[1], default=("nothing", 0.0))
    return Check(
        "balance", worst, overlaps.MOST_IMBALANCE, worst <= overlaps.MOST_IMBALANCE,
        f"after weighing, {name} differs most: by {worst:.2f} standard deviations",
    )  # fmt: skip


def _placebos(units: Units, models: Models, level: float) -> Iterator[Check]:
    """Effects on what happened before: help cannot have any, so an effect is a hidden cause's.

    A negative control (Lipsitch, Tchetgen Tchetgen & Cohen 2010, "Negative Controls: A Tool for
    Detecting Confounding and Bias in Observational Studies", Epidemiology 21(3)).
    """
    limit = _PLACEBO_ALPHA / max(len(units.earlier), 1)
    for name, values in units.earlier.items():
        found = effect_on_ignored(values, units, models, level)
        words = "shows an effect that cannot be" if found.p < limit else "shows none, as it should"
        text = f"{name}, of before the decision, {words}: {found.low:.2g} to {found.high:.2g}"
        yield Check("placebo", found.p, limit, found.p >= limit, text)


def _warnings(units: Units, found: Overlap, checks: list[Check], strength: float) -> Iterator[str]:
    names = ", ".join([*units.before, *units.groups]) or "nothing"
    yield (
        "nobody was held out at random: this is adjusted for what is known"
        f" ({names}), and an unknown cause may explain it; a holdout of 5 % would tell"
    )
    if strength > 1:
        yield (
            f"an unknown cause that makes both help and outcome {strength:.1f} times as likely"
            " would explain the effect away"
        )
    if found.outside_share > 0:
        left_out = int((~found.inside & ~units.helped).sum())
        yield f"{left_out:,} of the ignored resemble nobody who was helped and are left out"
    for check in checks:
        if check.name == "balance" and check.value > overlaps.WORRYING_IMBALANCE:
            yield check.text
    if not units.earlier:
        yield "nothing is known of before, so that a hidden cause could not be looked for"
