"""What an action comes to: help in the page, a recommendation to the team, or one of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.intervention.policy.conditions import Holds, Test, minor_units
from services.intervention.policy.document import Action, Guards, PriorityName, TypeName
from services.intervention.policy.errors import PolicyError
from services.intervention.templates.template import Template

Kind = Literal["page", "team"]
PRIORITIES: dict[PriorityName, int] = {"low": 1, "medium": 2, "high": 3, "critical": 4}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that may be done, in the page or by the team."""

    name: str
    path: str
    kind: Kind
    type: TypeName
    template: str
    target: Literal["user", "team", "both"]
    priority: PriorityName
    tests: tuple[Test, ...]
    holds: tuple[Holds, ...]
    asks: str
    """For whom of the team, one a line; empty in the page."""
    delay_ms: int
    expires_ms: int
    due_ms: int
    group: str
    budget: str
    escalate: tuple[tuple[int, tuple[str, ...]], ...]
    """Who is asked next, each with the milliseconds before."""
    costs: dict[str, int]
    """Minor units by currency, in the order written."""

    @property
    def score(self) -> float:
        """What alternatives are compared by: the priority."""
        return float(PRIORITIES[self.priority])

    def selected_by(self, selectors: frozenset[str]) -> bool:
        """Tell whether a guard's `of` means this part."""
        return "any" in selectors or self.kind in selectors or self.type in selectors

    def cost_for(self, currency: str) -> tuple[str, int]:
        """What is charged to the budget: in the visitor's currency, or else the first one."""
        if currency in self.costs:
            return currency, self.costs[currency]
        return next(iter(self.costs.items()))


def parts_of(
    action: Action, path: str, tests: tuple[Test, ...], template: Template, guards: Guards
) -> list[Part]:
    """Split an action by whom it is for.

    Raises:
        PolicyError: it does not go together with its template, budget or recipients.
    """
    if template.type != action.type:
        raise PolicyError(
            f"{path}.type: {action.template} is a template for {template.type}, not"
            f" {action.type}; choose another template or type"
        )
    if template.target not in (action.target, "both"):
        raise PolicyError(
            f"{path}.target: {action.template} is a template for the {template.target}, not"
            f" for {action.target}"
        )
    for_team, for_user = action.target != "user", action.target != "team"
    if for_team and not action.to:
        raise PolicyError(f"{path}.to: say who of the team, for example [owner, 'role:ceo']")
    if action.to and not for_team:
        raise PolicyError(f"{path}.to: only an action for team or both has recipients")
    if action.escalate and not for_team:
        raise PolicyError(f"{path}.escalate: only an action for team or both asks anybody")
    costs = _costs(action, path, guards)
    kinds: list[Kind] = []
    if for_user:
        kinds.append("page")
    if for_team:
        kinds.append("team")
    return [
        Part(
            name=action.name,
            path=path,
            kind=kind,
            type=action.type,
            template=action.template,
            target=action.target,
            priority=action.priority,
            tests=tests,
            holds=tuple(test.holds for test in tests),
            asks="\n".join(action.to) if kind == "team" else "",
            delay_ms=action.delay_s * 1000 if kind == "page" else 0,
            expires_ms=action.expires_s * 1000,
            due_ms=action.due_s * 1000,
            group=action.group or "",
            budget=action.budget.name if action.budget and kind == kinds[0] else "",
            escalate=tuple((one.after_s * 1000, one.to) for one in action.escalate)
            if kind == "team"
            else (),
            costs=costs,
        )
        for kind in kinds
    ]


def _costs(action: Action, path: str, guards: Guards) -> dict[str, int]:
    if action.budget is None:
        return {}
    budget = guards.budgets.get(action.budget.name)
    if budget is None:
        raise PolicyError(
            f"{path}.budget.name: no budget {action.budget.name!r} under guards.budgets; add it"
        )
    costs: dict[str, int] = {}
    for currency, amount in action.budget.cost.items():
        if currency not in budget.most:
            raise PolicyError(
                f"{path}.budget.cost: budget {action.budget.name!r} has no {currency}; add it there"
            )
        costs[currency] = minor_units(f"{path}.budget.cost", currency, amount)
    return costs
