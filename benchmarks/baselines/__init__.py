"""Other tools' rage rules, from their published numbers, to be measured against on the same visits.

Written anew from what the vendors publish; no code of theirs. They judge browser events, we have
recordings: what a rule asks of the page (a label, a changed selection) is read from flags and
reactions, as `presses` says.
"""

from benchmarks.baselines.presses import Press, presses_of
from benchmarks.baselines.rules import RULES, Rule

__all__ = ["RULES", "Press", "Rule", "presses_of"]
