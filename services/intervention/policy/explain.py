"""Why a policy chose what it chose: every condition that was looked at, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from services.intervention.policy.judge import judge

if TYPE_CHECKING:
    from services.intervention.policy.compiled import Node, Policy
    from services.intervention.policy.facts import Facts
    from services.intervention.policy.ledger import Readings


class Step(msgspec.Struct, frozen=True):
    """One condition."""

    path: str
    text: str
    holds: bool


class Visit(msgspec.Struct, frozen=True):
    """One rule that was looked at; the first condition that fails ends the look."""

    rule: str
    depth: int
    steps: tuple[Step, ...]
    matched: bool


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """One action of the rule that decided."""

    action: str
    part: str
    template: str
    refused: str = ""
    """Empty: chosen."""
    detail: str = ""


class Explanation(msgspec.Struct, frozen=True):
    """The whole way, from the emotion to the choice."""

    policy: str
    reason: str
    detail: str
    rule: str
    visits: tuple[Visit, ...]
    choices: tuple[Choice, ...]


def explain(policy: Policy, facts: Facts, readings: Readings) -> Explanation:
    """Judge, and say why."""
    verdict = judge(policy, facts, readings)
    visits: list[Visit] = []
    if "*" not in facts.switches:
        _look(policy.by_emotion.get(facts.emotion, ()), facts, 0, visits)
    return Explanation(
        policy.version,
        verdict.reason,
        verdict.detail,
        verdict.rule,
        tuple(visits),
        tuple(
            Choice(one.part.name, one.part.kind, one.part.template, one.refused, one.detail)
            for one in verdict.alternatives
        ),
    )


def _look(nodes: tuple[Node, ...], facts: Facts, depth: int, visits: list[Visit]) -> bool:
    """Go the way that the policy goes; true once a leaf has decided."""
    for node in nodes:
        steps: list[Step] = []
        for test in node.tests:
            steps.append(Step(test.path, test.text, test.holds(facts)))
            if not steps[-1].holds:
                break
        matched = all(step.holds for step in steps) and node.name not in facts.switches
        visits.append(Visit(node.name, depth, tuple(steps), matched))
        if matched and (node.parts is not None or _look(node.children, facts, depth + 1, visits)):
            return True
    return False
