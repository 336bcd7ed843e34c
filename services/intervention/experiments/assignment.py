"""Who is in which arm: a function of salt and unit, so every process says the same, for ever.

Each question (is the unit held out, does it take part, which arm) hashes under a word of its own.
So the answers are independent of each other, within an experiment and between experiments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Literal

from services.intervention.experiments.checks import (
    GLOBAL,
    HELD,
    TREATED,
    Experiments,
    Trial,
    named_holdouts,
)
from services.intervention.experiments.document import UnitKind

Reason = Literal["assigned", "standing", "not_running", "no_unit", "traffic"]


@dataclass(frozen=True, slots=True)
class Units:
    """Who somebody is, in each of the kinds; empty: not known."""

    person: str = ""
    company: str = ""
    session: str = ""

    def of(self, kind: UnitKind) -> str:
        """The unit of a kind."""
        if kind == "person":
            return self.person
        return self.company if kind == "company" else self.session


@dataclass(frozen=True, slots=True)
class Assignment:
    """An arm, and the chance with which it was this one; or why there is none."""

    trial: Trial
    unit: str
    reason: Reason
    variant: str = ""
    propensity: float = 0.0
    shares: tuple[float, ...] = ()
    """Of all variants, when this one was drawn."""

    @property
    def act(self) -> str:
        """What the arm does: "rule", "nothing" or a template."""
        found = [arm.act for arm in self.trial.spec.variants if arm.name == self.variant]
        return found[0] if found else "rule"


@dataclass(frozen=True, slots=True)
class Hold:
    """A holdout's word on a unit."""

    name: str
    kind: UnitKind
    unit: str
    held: bool
    share: float


@dataclass(frozen=True, slots=True)
class Exposure:
    """A unit met the point at which arms differ."""

    experiment: str
    version: str
    kind: UnitKind
    unit: str
    variant: str
    propensity: float
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What experiments say about one decision."""

    act: str
    """"rule": as the policy has it; "nothing"; or a template instead of the rule's."""
    reason: Literal["", "holdout", "experiment"]
    variant: str
    """For `Intervention.variant`: "experiment:arm", empty without one."""
    exposures: tuple[Exposure, ...]
    """To be recorded with the decision, whatever is then done."""
    assignment: Assignment | None = None


def point(purpose: str, salt: str, unit: str) -> float:
    """A number in [0, 1): uniform over units, unrelated between purposes and salts."""
    digest = blake2b(f"{purpose}\x00{salt}\x00{unit}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


def pick(shares: Sequence[float], at: float) -> int:
    """The index of the share that a point falls into."""
    reached = 0.0
    for index, share in enumerate(shares):
        reached += share
        if at < reached:
            return index
    return len(shares) - 1  # the shares' sum may be short of 1 by rounding


def assign(trial: Trial, units: Units, shares: tuple[float, ...] | None = None) -> Assignment:
    """The unit's arm.

    Args:
        shares: of the variants at this time, where they follow the results; else the weights.
    """
    spec = trial.spec
    unit = units.of(spec.unit)
    if spec.state != "running":
        return Assignment(trial, unit, "not_running")
    if not unit:
        return Assignment(trial, unit, "no_unit")
    if spec.layer is not None:
        inside = spec.layer.start <= point("layer", spec.layer.name, unit) < spec.layer.end
    else:
        inside = point("traffic", trial.salt, unit) < spec.traffic
    if not inside:
        return Assignment(trial, unit, "traffic")
    now = shares or trial.shares
    index = pick(now, point("variant", trial.salt, unit))
    return Assignment(trial, unit, "assigned", trial.names[index], now[index], now)


def holds(experiments: Experiments, units: Units, rule: str) -> list[Hold]:
    """The holdouts that apply to a rule, each with its word; the first that holds ends the list."""
    found: list[Hold] = []
    for name, holdout in named_holdouts(experiments.holdouts):
        unit = units.of(holdout.unit)
        if unit and name in (GLOBAL, f"holdout:{rule}"):
            held = point("holdout", holdout.salt or name, unit) < holdout.share
            found.append(Hold(name, holdout.unit, unit, held, holdout.share))
            if held:
                break
    return found


def choose(
    experiments: Experiments,
    units: Units,
    rule: str,
    shares: Mapping[str, tuple[float, ...]] | None = None,
) -> Choice:
    """What to do where the policy's rule would act.

    Args:
        shares: by experiment, of those whose shares follow the results.
    """
    return _among(experiments, units, rule, tuple(experiments.running_on(rule)), shares or {})


def choose_in(
    experiments: Experiments,
    units: Units,
    trial: Trial,
    shares: Mapping[str, tuple[float, ...]] | None = None,
) -> Choice:
    """The same for whoever asks about one experiment and not about a rule."""
    return _among(experiments, units, trial.spec.rule or "", (trial,), shares or {})


def _among(
    experiments: Experiments,
    units: Units,
    rule: str,
    trials: tuple[Trial, ...],
    shares: Mapping[str, tuple[float, ...]],
) -> Choice:
    found = holds(experiments, units, rule)
    exposures = [_of_hold(experiments.version, hold) for hold in found]
    if any(hold.held for hold in found):
        return Choice("nothing", "holdout", "", tuple(exposures))
    for trial in trials:
        assignment = assign(trial, units, shares.get(trial.name))
        if assignment.variant:
            exposures.append(exposure_of(assignment))
            return _choice(assignment, tuple(exposures))
    return Choice("rule", "", "", tuple(exposures))


def stand_by(choice: Choice, standing: str) -> Choice:
    """The same choice with the arm that the unit was first exposed to, where that was another.

    Weights may have changed since; nobody changes arms for it.
    """
    assignment = choice.assignment
    if assignment is None or assignment.variant == standing:
        return choice
    if standing not in assignment.trial.names:  # its arm is gone: it has no part any more
        return replace(choice, act="rule", reason="", variant="", assignment=None)
    return _choice(replace(assignment, variant=standing, reason="standing"), choice.exposures)


def exposure_of(assignment: Assignment) -> Exposure:
    """What is recorded of an assignment."""
    return Exposure(
        assignment.trial.name,
        assignment.trial.version,
        assignment.trial.spec.unit,
        assignment.unit,
        assignment.variant,
        assignment.propensity,
        assignment.shares,
    )


def _choice(assignment: Assignment, exposures: tuple[Exposure, ...]) -> Choice:
    name = f"{assignment.trial.name}:{assignment.variant}"
    return Choice(assignment.act, "experiment", name, exposures, assignment)


def _of_hold(version: str, hold: Hold) -> Exposure:
    shares = (hold.share, 1.0 - hold.share)
    variant, propensity = (HELD, shares[0]) if hold.held else (TREATED, shares[1])
    return Exposure(hold.name, version, hold.kind, hold.unit, variant, propensity, shares)
