"""What experiments say of every rule at once: facts that a policy is judged by, and replayed by.

A judgement must follow from what is recorded of it, so arms are drawn before it, for whichever rule
will be chosen, and go into the record as facts. Only the exposure of the rule that was chosen is
logged: who never met the point at which arms differ says nothing about them.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from services.intervention.experiments.assignment import Choice, Standing, Units, choose
from services.intervention.experiments.checks import (
    NO_EXPERIMENTS,
    Experiments,
    named_holdouts,
)
from services.intervention.experiments.document import UnitKind
from services.intervention.experiments.exposure_log import Key

EVERY_RULE = ""
"""Stands for the rules that have neither a holdout nor an experiment of their own."""


class Arm(msgspec.Struct, frozen=True, omit_defaults=True):
    """A choice as it is recorded: enough to judge by."""

    act: str = "rule"
    """"rule", "nothing", or a template instead of the rule's."""
    reason: str = ""
    """"holdout", "experiment", or none."""
    variant: str = ""
    """"experiment:arm"."""
    propensity: float = 1.0


def are_none(experiments: Experiments) -> bool:
    """Whether they say nothing of anybody."""
    return not experiments.trials and experiments.holdouts == NO_EXPERIMENTS.holdouts


def choices(
    experiments: Experiments,
    units: Units,
    shares: Mapping[str, tuple[float, ...]] | None = None,
    standing: Standing | None = None,
) -> dict[str, Choice]:
    """By rule; rules that are not in it are as EVERY_RULE. See `choose`."""
    if are_none(experiments):
        return {}
    rules = {EVERY_RULE, *experiments.holdouts.rules}
    for trial in experiments.trials.values():
        if trial.spec.state == "running" and trial.spec.rule is not None:
            rules.add(trial.spec.rule)
    return {rule: choose(experiments, units, rule, shares, standing) for rule in sorted(rules)}


def keys_of(tenant_id: str, experiments: Experiments, units: Units) -> set[Key]:
    """What to ask the exposure log for: whatever the units may have been exposed to."""
    asked: dict[str, UnitKind] = {
        name: holdout.unit for name, holdout in named_holdouts(experiments.holdouts)
    }
    for trial in experiments.trials.values():
        if trial.spec.state == "running":
            asked[trial.name] = trial.spec.unit
    return {Key(tenant_id, name, units.of(kind)) for name, kind in asked.items() if units.of(kind)}


def facts_of(found: Mapping[str, Choice]) -> dict[str, Arm]:
    """What goes into the record: only what is not as the policy has it anyway."""
    arms: dict[str, Arm] = {}
    for rule, choice in found.items():
        assignment = choice.assignment
        if assignment is not None:
            arms[rule] = Arm(choice.act, choice.reason, choice.variant, assignment.propensity)
        elif choice.reason == "holdout":
            propensity = choice.exposures[-1].propensity
            arms[rule] = Arm(choice.act, choice.reason, choice.variant, propensity)
    return arms


def arm_of(arms: Mapping[str, Arm], rule: str) -> Arm:
    """The arm for the rule that was found."""
    return arms.get(rule) or arms.get(EVERY_RULE) or Arm()


def choice_of(found: Mapping[str, Choice], rule: str) -> Choice | None:
    """The choice for the rule that was found, whose exposures are to be recorded."""
    return found.get(rule) or found.get(EVERY_RULE)
