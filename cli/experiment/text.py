"""A report for people who read it in a terminal."""

from __future__ import annotations

from services.intervention.experiments.analysis import Comparison, Report
from services.intervention.experiments.verdict import Verdict, figures


def report_text(report: Report, verdict: Verdict) -> str:
    """The verdict first, then why, then every figure."""
    lines = [f"{report.experiment}: {verdict.text}", ""]
    lines += [f"  {reason}" for reason in verdict.reasons]
    lines += ["", f"  {report.days:.1f} days, {report.units_per_day:,.0f} units a day of late"]
    for name, units, expected in zip(report.variants, report.units, report.expected, strict=True):
        lines.append(f"  {name}: {units:,} units, {expected:,.0f} expected")
    if report.waiting:
        lines.append(f"  {report.waiting:,} units are not settled yet and do not count")
    if report.sample_ratio_p is not None:
        lines.append(f"  sample ratio: p = {report.sample_ratio_p:.3g}")
    lines.append("")
    for found in report.comparisons:
        lines.append(f"  {found.metric} ({found.role}), {found.variant}: {figures(found)}")
        more = _more(found)
        if more:
            lines.append(f"    {more}")
    return "\n".join(lines)


def _more(found: Comparison) -> str:
    told: list[str] = []
    if found.q is not None:
        told.append(f"q = {found.q:.3g}")
    if found.cap is not None:
        told.append(f"a unit counts for {found.cap:.4g} at most")
    if found.variance_left is not None:
        told.append(f"cuped leaves {100 * found.variance_left:.0f} % of the variance")
    if found.once is not None and found.once != (found.low, found.high):
        told.append(f"one look would say {found.once[0]:+.4g} to {found.once[1]:+.4g}")
    return ", ".join(told)
