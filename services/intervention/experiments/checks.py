"""Reading the document `experiments`: what a schema cannot say is checked here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import msgspec

from services.intervention.experiments.document import (
    Document,
    Experiment,
    Holdout,
    Holdouts,
    Metric,
    Variant,
)

GLOBAL = "holdout:global"
HELD, TREATED = "held", "treated"


class ExperimentError(ValueError):
    """The document cannot be used; the message names the place and the mend."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An experiment under its name and the version of its document."""

    name: str
    version: str
    spec: Experiment
    shares: tuple[float, ...]
    """Of each variant; they add up to 1."""

    @property
    def salt(self) -> str:
        """What deals the units."""
        return self.spec.salt or self.name

    @property
    def names(self) -> tuple[str, ...]:
        """Of the variants; the first is the control."""
        return tuple(variant.name for variant in self.spec.variants)

    @property
    def observations(self) -> frozenset[str]:
        """What its metrics are made of."""
        names = {metric.numerator for metric in self.spec.metrics}
        return frozenset(names | {metric.per for metric in self.spec.metrics if metric.per})

    @property
    def primary(self) -> Metric:
        """The metric that decides."""
        return next(metric for metric in self.spec.metrics if metric.role == "primary")


@dataclass(frozen=True, slots=True)
class Experiments:
    """A document that was checked, under its version."""

    version: str
    holdouts: Holdouts
    trials: Mapping[str, Trial]
    of_holdouts: Mapping[str, Trial]
    """By "holdout:global" and "holdout:RULE": those with metrics, as experiments to report on."""

    def running_on(self, rule: str) -> Iterator[Trial]:
        """The experiments that vary what a rule does; a unit is in one of them at most."""
        for trial in self.trials.values():
            if trial.spec.rule == rule and trial.spec.state == "running":
                yield trial

    def trial(self, name: str) -> Trial:
        """One experiment.

        Raises:
            ExperimentError: there is none of this name.
        """
        return _found(self.trials, name)

    def reported(self, name: str) -> Trial:
        """An experiment, or a holdout that has metrics.

        Raises:
            ExperimentError: there is none of this name.
        """
        return _found({**self.trials, **self.of_holdouts}, name)


NO_EXPERIMENTS = Experiments("none", Holdouts(), {}, {})


def _found(trials: Mapping[str, Trial], name: str) -> Trial:
    found = trials.get(name)
    if found is None:
        known = ", ".join(sorted(trials)) or "none"
        raise ExperimentError(f"no experiment {name!r}; known are {known}")
    return found


def parse_experiments(version: str, body: bytes) -> Experiments:
    """Check a document.

    Raises:
        ExperimentError: naming the place and the mend.
    """
    try:
        document = msgspec.json.decode(body, type=Document)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ExperimentError(f"experiments {version}: {error}") from error
    trials = {name: _trial(version, name, spec) for name, spec in document.experiments.items()}
    _check_together(version, list(trials.values()))
    held: dict[str, Trial] = {}
    for name, holdout in named_holdouts(document.holdouts):
        if holdout.plan is not None:
            arms = Variant(HELD, holdout.share, "nothing"), Variant(TREATED, 1 - holdout.share)
            spec = Experiment(arms, holdout.metrics, holdout.plan, holdout.unit, state="running")
            held[name] = _trial(version, name, spec)
        elif holdout.metrics:
            raise ExperimentError(
                f"experiments {version}: {name}: metrics are compared by a plan: give it one"
            )
    return Experiments(version, document.holdouts, trials, held)


def named_holdouts(holdouts: Holdouts) -> list[tuple[str, Holdout]]:
    """All holdouts under the names they are logged by; the global one is the first."""
    found = [(f"holdout:{rule}", holdout) for rule, holdout in holdouts.rules.items()]
    if holdouts.everything is not None:
        found.insert(0, (GLOBAL, holdouts.everything))
    return found


def _trial(version: str, name: str, spec: Experiment) -> Trial:
    _check(f"experiments {version}: {name}", spec)
    total = sum(variant.weight for variant in spec.variants)
    return Trial(name, version, spec, tuple(variant.weight / total for variant in spec.variants))


def _check(place: str, spec: Experiment) -> None:
    _unique(f"{place}: variants", [variant.name for variant in spec.variants])
    _unique(f"{place}: metrics", [metric.name for metric in spec.metrics])
    primaries = [metric.name for metric in spec.metrics if metric.role == "primary"]
    if len(primaries) != 1:
        raise ExperimentError(
            f"{place}: metrics: expected one of role 'primary', which decides;"
            f" was {', '.join(primaries) or 'none'}"
        )
    for metric in spec.metrics:
        _check_metric(f"{place}: metrics.{metric.name}", metric, adaptive=bool(spec.adaptive))
    if spec.plan.min_days > spec.plan.max_days:
        raise ExperimentError(f"{place}: plan.min_days is more than plan.max_days: lower it")
    if spec.layer is not None:
        if spec.layer.start >= spec.layer.end:
            raise ExperimentError(f"{place}: layer.start must be less than layer.end")
        if spec.traffic != 1.0:
            raise ExperimentError(
                f"{place}: traffic and layer both say who takes part: leave traffic out and make"
                " the slice of the layer narrower"
            )
    if spec.adaptive is not None:
        if spec.adaptive.floor * len(spec.variants) >= 1:
            raise ExperimentError(
                f"{place}: adaptive.floor: {len(spec.variants)} variants leave room for less than"
                f" {1 / len(spec.variants):.3f} each"
            )
        if spec.plan.inference == "fixed":
            raise ExperimentError(
                f"{place}: plan.inference: shares that follow the results need 'sequential'"
            )


def _check_metric(place: str, metric: Metric, *, adaptive: bool) -> None:
    if (metric.kind == "ratio") != (metric.per is not None):
        raise ExperimentError(f"{place}.per: a ratio names its denominator, and only a ratio does")
    if adaptive and (metric.kind == "ratio" or metric.cuped):
        raise ExperimentError(
            f"{place}: an adaptive experiment weighs each unit by its propensity, which ratios and"
            " cuped do not go with: use a proportion or a mean without cuped"
        )
    if metric.cap is not None and metric.cap_quantile is not None:
        raise ExperimentError(f"{place}: give cap or cap_quantile, not both")
    if metric.kind == "proportion" and (metric.cap or metric.cap_quantile):
        raise ExperimentError(f"{place}.cap: a proportion is 0 or 1 already: leave it out")
    if metric.tolerance and metric.role == "secondary":
        raise ExperimentError(
            f"{place}.tolerance: only a guardrail or the primary metric can stop an experiment:"
            " make it a guardrail, or leave tolerance out"
        )


def _check_together(version: str, trials: list[Trial]) -> None:
    running = [trial for trial in trials if trial.spec.state == "running"]
    for one, other in combinations(running, 2):
        place = f"experiments {version}: {one.name} and {other.name}"
        first, second = one.spec.layer, other.spec.layer
        same_layer = first is not None and second is not None and first.name == second.name
        if same_layer and first is not None and second is not None:
            if one.spec.unit != other.spec.unit:
                raise ExperimentError(
                    f"{place}: layer {first.name!r} excludes only among units of one kind: give"
                    " both the same unit, or two layers"
                )
            if first.start < second.end and second.start < first.end:
                raise ExperimentError(
                    f"{place}: their slices of layer {first.name!r} overlap: end one where the"
                    " other starts"
                )
        elif one.spec.rule is not None and one.spec.rule == other.spec.rule:
            raise ExperimentError(
                f"{place}: both vary rule {one.spec.rule!r}: put them side by side into one layer,"
                " or stop one"
            )


def _unique(place: str, names: list[str]) -> None:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ExperimentError(f"{place}: {', '.join(sorted(twice))} stands there twice, rename one")
