"""The document `experiments` of a tenant: holdouts and experiments, as they are written.

JSON, checked on reading (`checks.py`); what this version does not know is refused, never ignored.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,64}$")]
Salt = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Act = Annotated[str, msgspec.Meta(pattern=r"^(rule|nothing|[a-z0-9_]{1,64}@[0-9]{1,6})$")]
UnitKind = Literal["person", "company", "session"]
MetricKind = Literal["proportion", "mean", "ratio"]
Role = Literal["primary", "secondary", "guardrail"]

_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Rate = Annotated[float, msgspec.Meta(gt=0, lt=1)]
_Positive = Annotated[float, msgspec.Meta(gt=0)]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Variant(_Part, frozen=True):
    """An arm. The first of an experiment is its control."""

    name: Name
    weight: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)] = 1.0
    act: Act = "rule"
    """What the rule says, "nothing", or this template instead of the rule's."""


class Layer(_Part, frozen=True):
    """A slice of a layer. Slices of one layer share no unit; layers know nothing of each other."""

    name: Name
    start: _Share
    end: _Share


class Metric(_Part, frozen=True):
    """What is compared, over what a unit did after its first exposure."""

    name: Name
    kind: MetricKind = "proportion"
    """proportion: did it at all; mean: the sum; ratio: sum of `of` by sum of `per`."""
    of: Name | None = None
    """The observation; without one it has the metric's name."""
    per: Name | None = None
    """A ratio's denominator, an observation too."""
    better: Literal["higher", "lower"] = "higher"
    role: Role = "secondary"
    cap: _Positive | None = None
    """A unit counts for no more than this."""
    cap_quantile: Annotated[float, msgspec.Meta(ge=0.5, lt=1)] | None = None
    """A unit counts for no more than this quantile of all arms' units that did anything."""
    cuped: bool = False
    """Take out what the same observation said before the first exposure."""
    tolerance: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """How much worse is no harm yet; absolute."""

    @property
    def numerator(self) -> str:
        """The observation that counts."""
        return self.of or self.name


class Plan(_Part, frozen=True):
    """What was decided before the first unit came."""

    mde: _Positive
    """The smallest effect on the primary metric worth finding; absolute."""
    units: Annotated[int, msgspec.Meta(ge=200, le=1_000_000_000)] = 10_000
    """Of all arms together. Sequential intervals are narrowest near it, fixed ones are for it."""
    alpha: Annotated[float, msgspec.Meta(gt=0, le=0.2)] = 0.05
    power: Annotated[float, msgspec.Meta(ge=0.5, lt=1)] = 0.8
    inference: Literal["sequential", "fixed"] = "sequential"
    min_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 7
    """Weekdays and weekends differ: nothing is shipped before."""
    max_days: Annotated[int, msgspec.Meta(ge=1, le=730)] = 42
    settle_hours: Annotated[int, msgspec.Meta(ge=0, le=24 * 90)] = 0
    """How long a unit is given to do something before it counts."""


class Holdout(_Part, frozen=True):
    """Units that are left alone on purpose."""

    share: Annotated[float, msgspec.Meta(gt=0, le=0.5)]
    unit: UnitKind = "person"
    salt: Salt | None = None
    """Another salt leaves other units alone; without one it is the holdout's name."""
    metrics: Annotated[tuple[Metric, ...], msgspec.Meta(max_length=30)] = ()
    """What those who are not left alone are compared by; none: there is no report."""
    plan: Plan | None = None


class Holdouts(_Part, frozen=True):
    """One from everything, and one from each rule that has its own."""

    everything: Holdout | None = msgspec.field(default=None, name="global")
    rules: dict[Name, Holdout] = {}


class Thompson(_Part, frozen=True):
    """Give each arm the share that it has the chance to be best."""

    floor: _Rate = 0.05
    """No arm gets less: its effect could not be told any more."""


class Experiment(_Part, frozen=True):
    """One experiment."""

    variants: Annotated[tuple[Variant, ...], msgspec.Meta(min_length=2, max_length=10)]
    metrics: Annotated[tuple[Metric, ...], msgspec.Meta(min_length=1, max_length=30)]
    plan: Plan
    unit: UnitKind = "person"
    rule: Name | None = None
    """The policy's rule whose act is varied; none: somebody else asks (OpenFeature)."""
    salt: Salt | None = None
    """Another salt deals anew; without one it is the experiment's name."""
    state: Literal["draft", "running", "stopped"] = "draft"
    traffic: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    """The share of units that takes part. Raising it moves nobody who is in."""
    layer: Layer | None = None
    adaptive: Thompson | None = None


class Document(_Part, frozen=True):
    """A tenant's experiments."""

    holdouts: Holdouts = Holdouts()
    experiments: dict[Name, Experiment] = {}
