"""One judgement: policy, facts and what guards read in, the choice and its alternatives out.

Pure. The writer judges under the rows' locks; a replay judges again from the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from services.intervention.experiments.arms import Arm, arm_of
from services.intervention.policy.compiled import Policy
from services.intervention.policy.facts import Facts, Recipient
from services.intervention.policy.guards import PAGE, Asked, Refusal
from services.intervention.policy.ledger import Ledger, Readings, Subject
from services.intervention.policy.parts import Kind, Part
from services.intervention.templates.template import Template

UNFIT_ARM = "unfit_arm"
"""Reason of a page left empty: the experiment's template does not go with the rule's action."""
UNGUARDED = "unguarded"
"""Reason of help that was shown while guards could not be read, and nothing recorded."""


class TeamUnknown(Exception):
    """The choice needs the team, and nobody could say who that is."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something that could have been done, and why it was not."""

    part: Part
    refused: str
    """Empty: chosen. Else a word of docs/policy.md."""
    detail: str


@dataclass(slots=True)
class Verdict:
    """What is done about an emotion."""

    reason: str
    detail: str = ""
    rule: str = ""
    page: Asked | None = None
    team: Asked | None = None
    alternatives: list[Alternative] = field(default_factory=list[Alternative])
    arm: Arm | None = None
    """What experiments say, where something would be done: from here on arms differ."""

    @property
    def acts(self) -> bool:
        """Whether anything is done."""
        return self.page is not None or self.team is not None


def judge(policy: Policy, facts: Facts, readings: Readings) -> Verdict:
    """Choose.

    Raises:
        TeamUnknown: see there.
    """
    if "*" in facts.switches:
        return Verdict("killed", "*")
    found = policy.find(facts)
    if found.node is None:
        return Verdict(found.reason, found.detail)
    verdict = Verdict("rule", rule=found.node.name)
    parts = found.node.parts or ()
    if not parts:
        verdict.reason = "nothing"
        return verdict
    refusals: dict[Kind, Refusal] = {}
    for part in parts:
        failed = next((test.path for test in part.tests if not test.holds(facts)), None)
        if failed is not None:
            verdict.alternatives.append(Alternative(part, "condition", failed))
            continue
        taken = verdict.page if part.kind == "page" else verdict.team
        if taken is not None:
            verdict.alternatives.append(Alternative(part, "outranked", taken.part.name))
            continue
        if part.kind == "page" and facts.shown:
            asked, refusal = _recall(part, facts)
        else:
            asked, refusal = _ask(policy, part, facts, readings, verdict)
        if refusal is not None:
            refusals.setdefault(part.kind, refusal)
            verdict.alternatives.append(Alternative(part, refusal.reason, refusal.detail))
            continue
        verdict.alternatives.append(Alternative(part, "", ""))
        if part.kind == "page":
            verdict.page = asked
        else:
            verdict.team = asked
    if verdict.acts:
        verdict.arm = arm_of(facts.arms, verdict.rule)
        if _left_alone(policy, verdict, verdict.arm):
            return verdict
    _say_why(verdict, refusals)
    return verdict


def take(policy: Policy, verdict: Verdict, ledgers: Mapping[Subject, Ledger]) -> None:
    """Note in the ledgers what the verdict gives."""
    for asked in (verdict.page, verdict.team):
        if asked is not None:
            policy.guards.take(asked, ledgers)
    if verdict.page is not None:
        ledgers["visitor"].remember("interventions", verdict.page.facts.now_ms)


def _left_alone(policy: Policy, verdict: Verdict, arm: Arm) -> bool:
    """Do as the arm says; tell whether that ends it."""
    page = verdict.page
    if arm.act == "nothing":
        verdict.page = verdict.team = None
        _leave_out(verdict, arm.reason, arm.variant, ("page", "team"))
        return True
    if arm.act == "rule" or page is None:
        return False
    if fits(policy.templates.get(arm.act), page.part):
        verdict.page = replace(page, part=replace(page.part, template=arm.act))
        return False
    # Documents were put one by one: what did not fit then is refused, what no longer fits ends up
    # here. Whatever an experiment tries in the page, the team is told.
    verdict.page = None
    _leave_out(verdict, UNFIT_ARM, arm.variant, ("page",))
    return True


def _leave_out(verdict: Verdict, reason: str, detail: str, kinds: tuple[Kind, ...]) -> None:
    verdict.reason, verdict.detail = reason, detail
    verdict.alternatives = [
        replace(one, refused=reason, detail=detail)
        if not one.refused and one.part.kind in kinds
        else one
        for one in verdict.alternatives
    ]


def fits(template: Template | None, part: Part) -> bool:
    """Tell whether an arm's template may stand for a part's own.

    Another type would go past caps and budgets, which were asked for this one.
    """
    return (
        template is not None
        and template.type == part.type
        and template.target in (part.target, "both")
    )


def _recall(part: Part, facts: Facts) -> tuple[Asked, Refusal | None]:
    """What was shown stands; nothing else is shown beside it."""
    refusal = None if part.name == facts.shown else Refusal("outranked", facts.shown)
    return Asked(part, facts, None, PAGE), refusal


def _ask(
    policy: Policy, part: Part, facts: Facts, readings: Readings, verdict: Verdict
) -> tuple[Asked, Refusal | None]:
    recipient: Recipient | None = None
    channels: tuple[str, ...] = PAGE
    if part.kind == "team":
        if not facts.team_known and not facts.episode_handled:
            raise TeamUnknown
        recipient = facts.recipients.get(part.asks)
        channels = () if recipient is None else recipient.channels
    other = verdict.page or verdict.team
    beside = None if other is None else other.part
    asked = Asked(part, facts, recipient, channels, beside)
    if facts.episode_handled:
        return asked, Refusal("episode_handled")
    if not facts.guarded and (part.kind == "team" or part.type == "discount" or part.budget):
        return asked, Refusal(UNGUARDED)
    if part.kind == "page":
        if facts.age_ms > policy.guards.stale_after_ms:
            return asked, Refusal("stale")
        if facts.interventions_consent == 0:
            return asked, Refusal("no_consent")
    elif recipient is None:
        return asked, Refusal("no_recipient", part.asks.replace("\n", ", "))
    refusal = policy.guards.refuse(asked, readings)
    if refusal is not None:
        return asked, refusal
    left, closed_by = policy.guards.open_channels(asked, readings)
    if not left:
        return asked, Refusal("cap", closed_by)
    return Asked(part, facts, recipient, left, beside), None


def _say_why(verdict: Verdict, refusals: Mapping[Kind, Refusal]) -> None:
    """The reason says why help in the page was left out, even where the alert still goes."""
    if verdict.page is not None:
        facts = verdict.page.facts
        if facts.shown or not facts.guarded:
            verdict.reason = UNGUARDED
        return
    refusal = refusals.get("page")
    if refusal is None and verdict.team is None:
        refusal = refusals.get("team")
    if refusal is not None:
        verdict.reason, verdict.detail = refusal.reason, refusal.detail
    elif verdict.team is None:
        verdict.reason = "no_rule"
