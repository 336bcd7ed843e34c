"""Whether experiments and a policy go together: asked whenever either of them is put.

Each document is right by itself; only both say what an arm comes to. An arm that does not fit would
leave the page empty (policy/judge.py), and its experiment would measure that.
"""

from __future__ import annotations

from services.intervention.experiments.checks import ExperimentError, Experiments, Trial
from services.intervention.policy import Policy
from services.intervention.policy.compiled import Node
from services.intervention.policy.judge import fits


class UnfitArm(ExperimentError):
    """A running experiment does not go with the policy; the message names arm, rule and mend."""


def check_fit(experiments: Experiments, policy: Policy) -> None:
    """Check every running experiment against the rule it varies.

    Raises:
        UnfitArm: see there.
    """
    rules = {node.name: node for node in policy.rules()}
    for trial in experiments.trials.values():
        if trial.spec.state == "running" and trial.spec.rule is not None:
            _check(trial, rules.get(trial.spec.rule), policy)


def _check(trial: Trial, node: Node | None, policy: Policy) -> None:
    if node is None or node.parts is None:
        return  # a rule may come after its experiment; until then nobody meets it
    place = f"experiments {trial.version}: {trial.name}"
    for arm in trial.spec.variants:
        if arm.act in ("rule", "nothing"):
            continue
        template = policy.templates.get(arm.act)
        if template is None:
            raise UnfitArm(
                f"{place}: variants.{arm.name}.act: policy {policy.version} has no template"
                f" {arm.act!r}: add it there first"
            )
        pages = [part for part in node.parts if part.kind == "page"]
        if not pages:
            raise UnfitArm(
                f"{place}: variants.{arm.name}.act: rule {node.name!r} has nothing for the page,"
                " which a template could stand for: use 'rule' or 'nothing'"
            )
        for part in pages:
            if not fits(template, part):
                raise UnfitArm(
                    f"{place}: variants.{arm.name}.act: {arm.act} is a template for"
                    f" {template.type} to the {template.target}, but rule {node.name!r} may also"
                    f" choose {part.name!r}, {part.type} to the {part.target}: choose a template"
                    " that goes with every action of the rule, or give that action a rule of its"
                    " own"
                )
