"""What to do, in words: the first of broken, harm, ship, keep running, cannot tell that holds."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from services.intervention.experiments.analysis import Comparison, Report
from services.intervention.experiments.checks import Trial
from services.intervention.experiments.statistics import sample_ratio, sequential

Word = Literal["ship", "keep_running", "harm", "broken", "cannot_tell"]
_SMALL = 1e-12
_ABOUT = 0.1
"""Days; less than this over a number of days is that number."""


class Verdict(msgspec.Struct, frozen=True):
    """What to do, and why."""

    word: Word
    text: str
    """One line: "ship", "keep running: about 9 days", "stop: harm", "broken: sample ratio"…"""
    reasons: tuple[str, ...]
    variant: str = ""
    """The arm to ship, or the one that harms."""
    days: int | None = None
    """How much longer, where it is to go on."""


def decide(trial: Trial, report: Report) -> Verdict:
    """Judge a report by its plan."""
    return (
        _broken(report)
        or _harm(trial, report)
        or _ship(trial, report)
        or _cannot_tell(trial, report)
        or _keep_running(trial, report)
    )


def _broken(report: Report) -> Verdict | None:
    p = report.sample_ratio_p
    if p is None or p >= sample_ratio.ALPHA:
        return None
    arms = ", ".join(
        f"{name} {units:,} of {expected:,.0f} expected"
        for name, units, expected in zip(
            report.variants, report.units, report.expected, strict=True
        )
    )
    return Verdict(
        "broken", "broken: sample ratio",
        (
            f"{arms}: by chance once in {1 / max(p, 1e-15):,.0f} experiments"
            f" (chi-squared, p = {p:.2g}, alpha {sample_ratio.ALPHA})",
            "units are lost or added in one arm, so no difference here is an effect: look for"
            " redirects, errors and filters that only one arm meets, mend it, and start again"
            " under another salt",
        ),
    )  # fmt: skip


def _harm(trial: Trial, report: Report) -> Verdict | None:
    for found in report.comparisons:
        worse = found.role == "primary" and found.bad and _may_read(trial, report)
        if found.harmed or worse:
            return Verdict(
                "harm", "stop: harm" + _of(report, found.variant, " by "),
                (f"{found.variant} makes {found.metric} worse: {figures(found)}",),
                variant=found.variant,
            )  # fmt: skip
    return None


def _may_read(trial: Trial, report: Report) -> bool:
    """Sequential intervals may be read at any time, fixed ones at the planned size."""
    plan = trial.spec.plan
    return plan.inference == "sequential" or sum(report.units) >= plan.units


def _ship(trial: Trial, report: Report) -> Verdict | None:
    good = [one for one in report.comparisons if one.role == "primary" and one.good]
    if not good or report.days < trial.spec.plan.min_days or not _may_read(trial, report):
        return None
    best = max(good, key=lambda one: abs(one.difference or 0.0))
    notes = [f"{best.variant} makes {best.metric} better: {figures(best)}"]
    notes += [
        f"{one.metric}: {figures(one)}"
        for one in report.comparisons
        if one.role == "guardrail" and one.variant == best.variant
    ]
    text = "ship" + _of(report, best.variant, ": ")
    return Verdict("ship", text, tuple(notes), variant=best.variant)


def _of(report: Report, variant: str, before: str) -> str:
    """The arm's name, where there is more than one to choose from."""
    return f"{before}{variant}" if len(report.variants) > 2 else ""


def _cannot_tell(trial: Trial, report: Report) -> Verdict | None:
    plan, primary = trial.spec.plan, trial.primary
    found = [one for one in report.comparisons if one.role == "primary"]
    if not sum(report.units):
        waiting = f"; {report.waiting:,} are not settled yet" if report.waiting else ""
        return _unknown(f"no unit has counted yet{waiting}")
    over = report.days >= plan.max_days
    if any(one.low is None for one in found):
        thin = (
            f"{primary.name} needs {sequential.MIN_UNITS} units in each arm and"
            f" {sequential.MIN_EVENTS} that did it; there are"
            f" {min(report.units):,} in the smallest arm"
        )
        return _unknown(thin) if over or not report.units_per_day else None
    if plan.inference == "fixed" and sum(report.units) >= plan.units:
        return _unknown(f"the planned {plan.units:,} units are there, and {_between(found)}")
    if plan.inference == "sequential" and all(_within(one, plan.mde) for one in found):
        return _unknown(f"there is no effect of {plan.mde:g} or more: {_between(found)}")
    if over:
        return _unknown(
            f"after {report.days:.0f} of at most {plan.max_days} days {_between(found)}"
        )
    left = days_left(trial, report)
    if left is not None and left > plan.max_days - report.days:
        return _unknown(
            f"it would take about {left:,} more days, and the plan ends in"
            f" {math.ceil(plan.max_days - report.days)}: {_between(found)}",
            f"{_need(trial, report)}; more traffic, a larger mde, a cap or cuped shorten it",
        )
    if left is None:
        return _unknown(f"nobody new is exposed, and {_between(found)}")
    return None


def _keep_running(trial: Trial, report: Report) -> Verdict:
    found = [one for one in report.comparisons if one.role == "primary"]
    left = days_left(trial, report)
    if left is None:
        return Verdict(
            "keep_running", "keep running: too early to say for how long",
            (f"{min(report.units):,} units in the smallest arm, {sequential.MIN_UNITS} are needed"
             f" and {sequential.MIN_EVENTS} that did {trial.primary.name}",),
        )  # fmt: skip
    days = f"about {left:,} day" + ("s" if left != 1 else "")
    reasons = [_between(found)]
    if any(one.good for one in found) and report.days < trial.spec.plan.min_days:
        reasons.append(
            f"it has run {report.days:.1f} of at least {trial.spec.plan.min_days} days:"
            " weekdays and weekends differ"
        )
    reasons.append(_need(trial, report))
    return Verdict("keep_running", f"keep running: {days}", tuple(reasons), days=left)


def days_left(trial: Trial, report: Report) -> int | None:
    """Days until there are units enough for the plan; None: there is no telling."""
    plan = trial.spec.plan
    needed = plan.units if plan.inference == "fixed" else report.needed_units
    if needed is None or report.units_per_day <= 0:
        return None
    lacking = max(0.0, needed - sum(report.units)) / report.units_per_day
    found = any(one.role == "primary" and one.good for one in report.comparisons)
    if found and _may_read(trial, report):
        lacking = 0.0  # only time is lacking
    return max(1, math.ceil(max(lacking, plan.min_days - report.days) - _ABOUT))


def figures(found: Comparison) -> str:
    """A difference with its interval, in words."""
    if found.difference is None or found.low is None or found.high is None:
        return "not known yet"
    relative = ""
    if found.control:
        relative = f" ({100 * found.difference / abs(found.control):+.1f} %)"
    return (
        f"{found.control:.4g} without, {found.treated:.4g} with, difference"
        f" {found.difference:+.4g}{relative}, between {found.low:+.4g} and {found.high:+.4g}"
    )


def _between(found: list[Comparison]) -> str:
    return "; ".join(
        f"{one.variant} changes {one.metric} by something between {one.low:+.4g}"
        f" and {one.high:+.4g}"
        for one in found
        if one.low is not None and one.high is not None
    )


def _need(trial: Trial, report: Report) -> str:
    plan = trial.spec.plan
    rate = f"{report.units_per_day:,.0f} come a day"
    have = f"{sum(report.units):,} units are there"
    if plan.inference == "fixed":
        finds = "" if report.detectable is None else f", which find {report.detectable:.3g} or more"
        return f"{plan.units:,} were planned{finds}; {have}, {rate}"
    needed = "an unknown number" if report.needed_units is None else f"{report.needed_units:,}"
    return f"to find an effect of {report.needed_for:.3g} takes {needed} units; {have}, {rate}"


def _within(one: Comparison, mde: float) -> bool:
    return (
        one.low is not None and one.high is not None
        and one.low > -mde - _SMALL and one.high < mde + _SMALL
    )  # fmt: skip


def _unknown(*reasons: str) -> Verdict:
    return Verdict("cannot_tell", f"cannot tell: {reasons[0]}", reasons)
