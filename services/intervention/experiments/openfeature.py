"""Arms as feature flags: a provider for OpenFeature (`sentientiq[openfeature]`).

The flag's key is the experiment's name. A string is the arm's name, a boolean says whether it is
another arm than the control, an object has both and what the arm does. Who takes no part (held out,
not among the traffic, not running) gets the caller's default, and is told why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError, TargetingKeyMissingError, TypeMismatchError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata

from services.intervention.experiments.assignment import Choice, Exposure, Units, assign, choose_in
from services.intervention.experiments.checks import ExperimentError, Experiments, Trial

T = TypeVar("T")
_Object = Sequence[FlagValueType] | Mapping[str, FlagValueType]
_KINDS = ("person", "company", "session")


class ExperimentProvider(AbstractProvider):
    """Resolves flags by the experiments in force.

    The evaluation context names the unit as `targeting_key`, or all that is known of somebody as
    attributes `person`, `company`, `session`. The latter is better where there are holdouts, which
    may be of another kind of unit than the experiment.
    """

    def __init__(
        self,
        experiments: Callable[[], Experiments],
        *,
        exposed: Callable[[tuple[Exposure, ...]], None],
        shares: Callable[[], Mapping[str, tuple[float, ...]]] = dict,
    ) -> None:
        """Make a provider.

        Args:
            experiments: the document in force.
            exposed: takes down exposures; asking for a flag is one.
            shares: in force, of adaptive experiments.
        """
        super().__init__()
        self._experiments = experiments
        self._exposed = exposed
        self._shares = shares

    def get_metadata(self) -> Metadata:
        """Name the provider."""
        return Metadata(name="sentientiq")

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Whether the arm is another than the control."""
        return self._resolve(
            flag_key,
            default_value,
            evaluation_context,
            lambda trial, choice: _variant(choice) != trial.names[0],
        )

    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[str]:
        """The arm's name."""
        return self._resolve(
            flag_key, default_value, evaluation_context, lambda _, choice: _variant(choice)
        )

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: _Object,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[_Object]:
        """The arm, and what it does."""
        return self._resolve(
            flag_key,
            default_value,
            evaluation_context,
            lambda trial, choice: {
                "experiment": trial.name,
                "variant": _variant(choice),
                "act": choice.act,
            },
        )

    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[int]:
        """Refuse: an arm is no number."""
        raise _no_number(flag_key)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[float]:
        """Refuse: an arm is no number."""
        raise _no_number(flag_key)

    def _resolve(
        self,
        key: str,
        default: T,
        context: EvaluationContext | None,
        value_of: Callable[[Trial, Choice], T],
    ) -> FlagResolutionDetails[T]:
        experiments = self._experiments()
        try:
            trial = experiments.trial(key)
        except ExperimentError as error:
            raise FlagNotFoundError(str(error)) from error
        units = _units(trial, context)
        shares = self._shares()
        choice = choose_in(experiments, units, trial, shares)
        if choice.exposures:
            self._exposed(choice.exposures)
        if choice.reason == "experiment" and choice.assignment is not None:
            return FlagResolutionDetails(
                value_of(trial, choice),
                reason=Reason.SPLIT,
                variant=_variant(choice),
                flag_metadata={
                    "version": trial.version,
                    "propensity": choice.assignment.propensity,
                },
            )
        why = choice.reason or assign(trial, units).reason
        if why == "no_unit":
            raise TargetingKeyMissingError(
                f"{key} deals by {trial.spec.unit}: give targeting_key or attribute"
                f" {trial.spec.unit!r}"
            )
        off = why == "not_running"
        return FlagResolutionDetails(
            default,
            reason=Reason.DISABLED if off else Reason.DEFAULT,
            flag_metadata={"version": trial.version, "why": why},
        )


def _variant(choice: Choice) -> str:
    return choice.assignment.variant if choice.assignment is not None else ""


def _units(trial: Trial, context: EvaluationContext | None) -> Units:
    known = {kind: "" for kind in _KINDS}
    if context is not None:
        for kind in _KINDS:
            told = context.attributes.get(kind)
            known[kind] = told if isinstance(told, str) else ""
        known[trial.spec.unit] = known[trial.spec.unit] or context.targeting_key or ""
    return Units(**known)


def _no_number(key: str) -> TypeMismatchError:
    return TypeMismatchError(f"{key} is an experiment: ask for a string, a boolean or an object")
