"""Who is in which arm: a function of salt and unit, so every process says the same, for ever.

Each question (is the unit held out, does it take part, which arm) hashes under a word of its own.
So the answers are independent of each other, within an experiment and between experiments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Literal, NamedTuple

from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2

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

    @classmethod
    def proven(
        cls,
        *,
        user_id: str,
        company: str,
        session_id: str,
        assurance: identity_pb2.Assurance.ValueType,
    ) -> Units:
        """Who somebody is as far as it is verified: whom they only name has an arm of their own."""
        if assurance < identity_pb2.ASSURANCE_VERIFIED:
            return cls(session=session_id)
        return cls(user_id, company, session_id)

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


class Stood(NamedTuple):
    """A unit's first exposure: its arm for good, as it was drawn then."""

    variant: str
    propensity: float
    shares: tuple[float, ...]


Standing = Mapping[tuple[str, str], Stood]
"""By experiment (or "holdout:…") and unit."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A holdout's word on a unit."""

    name: str
    kind: UnitKind
    unit: str
    word: Stood

    @property
    def held(self) -> bool:
        """Whether the unit is left alone."""
        return self.word.variant == HELD


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


def holds(
    experiments: Experiments, units: Units, rule: str, standing: Standing | None = None
) -> list[Hold]:
    """The holdouts that apply to a rule, each with its word; the first that holds ends the list.

    A unit that was exposed to one before keeps its side, whatever the share is now.
    """
    found: list[Hold] = []
    for name, holdout in named_holdouts(experiments.holdouts):
        unit = units.of(holdout.unit)
        if unit and name in (GLOBAL, f"holdout:{rule}"):
            word = (standing or {}).get((name, unit))
            if word is None:
                held = point("holdout", holdout.salt or name, unit) < holdout.share
                shares = (holdout.share, 1.0 - holdout.share)
                word = Stood(HELD, shares[0], shares) if held else Stood(TREATED, shares[1], shares)
            found.append(Hold(name, holdout.unit, unit, word))
            if found[-1].held:
                break
    return found


def choose(
    experiments: Experiments,
    units: Units,
    rule: str,
    shares: Mapping[str, tuple[float, ...]] | None = None,
    standing: Standing | None = None,
) -> Choice:
    """What to do where the policy's rule would act.

    Args:
        shares: by experiment, of those whose shares follow the results.
        standing: what the unit was exposed to before; nobody changes arms.
    """
    running = tuple(experiments.running_on(rule))
    return _among(experiments, units, rule, running, shares or {}, standing or {})


def choose_in(
    experiments: Experiments,
    units: Units,
    trial: Trial,
    shares: Mapping[str, tuple[float, ...]] | None = None,
) -> Choice:
    """The same for whoever asks about one experiment and not about a rule."""
    return _among(experiments, units, trial.spec.rule or "", (trial,), shares or {}, {})


def _among(
    experiments: Experiments,
    units: Units,
    rule: str,
    trials: tuple[Trial, ...],
    shares: Mapping[str, tuple[float, ...]],
    standing: Standing,
) -> Choice:
    found = holds(experiments, units, rule, standing)
    exposures = [_of_hold(experiments.version, hold) for hold in found]
    if any(hold.held for hold in found):
        return Choice("nothing", "holdout", "", tuple(exposures))
    for trial in trials:
        assignment = assign(trial, units, shares.get(trial.name))
        if assignment.variant:
            exposures.append(exposure_of(assignment))
            choice = _choice(assignment, tuple(exposures))
            stood = standing.get((trial.name, assignment.unit))
            return choice if stood is None else stand_by(choice, stood)
    return Choice("rule", "", "", tuple(exposures))


def stand_by(choice: Choice, standing: Stood) -> Choice:
    """The same choice with the arm that the unit was first exposed to, as it was drawn then.

    Weights may have changed since; nobody changes arms for it, and the chance of the arm is the one
    that it was dealt by.
    """
    assignment = choice.assignment
    if assignment is None:
        return choice
    if standing.variant not in assignment.trial.names:  # its arm is gone: it has no part any more
        return replace(choice, act="rule", reason="", variant="", assignment=None)
    kept = replace(
        assignment,
        variant=standing.variant,
        reason="standing",
        propensity=standing.propensity,
        shares=standing.shares,
    )
    return _choice(kept, choice.exposures)


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
    return Exposure(hold.name, version, hold.kind, hold.unit, *hold.word)
