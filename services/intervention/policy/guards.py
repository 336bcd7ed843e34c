"""What holds whatever the rules say: each guard reads, refuses, and takes what was given.

Nothing here waits or stores. The writer holds the rows' locks while a decision is judged, so what
is read is what is true, over every replica.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.intervention.policy.conditions import days_of, minor_units, minutes_of
from services.intervention.policy.document import (
    AfterDismissal,
    Budget,
    Cap,
    Cooldown,
    Guards,
    Quiet,
)
from services.intervention.policy.errors import PolicyError
from services.intervention.policy.facts import Facts, Recipient, in_span
from services.intervention.policy.ledger import EVER, Charge, Ledger, Readings, Subject

if TYPE_CHECKING:
    from services.intervention.policy.parts import Part

PAGE = ("page",)
_PERIODS = ("day", "week", "month")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not done: a word of docs/policy.md, and which guard."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A part, about to be chosen."""

    part: Part
    facts: Facts
    recipient: Recipient | None
    channels: tuple[str, ...]
    """On which it would go out; caps of channels take some of them away."""
    beside: Part | None = None
    """What the same decision has chosen already."""


@dataclass(frozen=True, slots=True)
class GuardSet:
    """All guards of a policy."""

    stale_after_ms: int
    cooldowns: tuple[Cooldown, ...]
    caps: tuple[Cap, ...]
    quiet: tuple[Quiet, ...]
    after_dismissal: AfterDismissal | None
    budgets: dict[str, Budget]
    limits: dict[str, dict[str, int]]
    """Of budgets, in minor units by currency."""
    fold_ms: int
    """So long a visitor's next recommendation joins the first one's message and page."""
    of: dict[str, frozenset[str]]
    """Selectors, by kind and name of the guard."""
    about_tenant: bool
    """Whether deciding may need what all of the tenant's decisions share."""
    about_company: bool
    """Whether deciding may need what all of a company's decisions share."""

    def refuse(self, asked: Asked, readings: Readings) -> Refusal | None:
        """Return the first guard that is against it, None if all let it pass."""
        return (
            self._quiet(asked)
            or self._dismissed(asked)
            or self._cooling(asked, readings)
            or self._excluded(asked, readings)
            or self._capped(asked, readings)
            or self._spent(asked, readings)
        )

    def open_channels(self, asked: Asked, readings: Readings) -> tuple[tuple[str, ...], str]:
        """The channels that no cap has closed, and a cap that closed one."""
        closed: dict[str, str] = {}
        for cap in self.caps:
            if cap.per != "channel" or not asked.part.selected_by(self.of[f"cap:{cap.name}"]):
                continue
            for channel in asked.channels:
                if cap.channels and channel not in cap.channels:
                    continue
                since = asked.facts.now_ms - cap.within_s * 1000
                if readings.read("tenant", f"cap:{cap.name}:{channel}", since, None) >= cap.most:
                    closed.setdefault(channel, cap.name)
        left = tuple(channel for channel in asked.channels if channel not in closed)
        return left, next(iter(closed.values()), "")

    def take(self, asked: Asked, ledgers: Mapping[Subject, Ledger]) -> None:
        """Note what was given."""
        part, facts = asked.part, asked.facts
        now_ms = facts.now_ms
        for cooldown in self.cooldowns:
            ledger = ledgers.get(cooldown.per)
            if ledger is not None and part.selected_by(self.of[f"cooldown:{cooldown.name}"]):
                ledger.hold(f"cooldown:{cooldown.name}", now_ms + cooldown.for_s * 1000, now_ms)
        if part.group:
            until_ms = (
                now_ms + part.delay_ms + (part.expires_ms if part.kind == "page" else part.due_ms)
            )
            ledgers["visitor"].hold(f"group:{part.group}", until_ms, now_ms)
        for cap in self.caps:
            if not part.selected_by(self.of[f"cap:{cap.name}"]):
                continue
            within_ms = cap.within_s * 1000
            if cap.per == "channel":
                for channel in asked.channels:
                    if not cap.channels or channel in cap.channels:
                        key = f"cap:{cap.name}:{channel}"
                        ledgers["tenant"].mark(key, now_ms, within_ms)
            elif cap.per in ledgers:
                ledgers[cap.per].mark(f"cap:{cap.name}", now_ms, within_ms)
        if part.budget:
            currency, minor = part.cost_for(facts.currency)
            period = self._period(part.budget, facts.periods)
            key = f"budget:{part.budget}:{currency}"
            ledgers["tenant"].spend(key, period, minor)

    def charge(
        self, part: Part, currency: str, periods: tuple[str, ...], ledger: Ledger
    ) -> Charge | None:
        """Take a part out of its budget for a person who gives it; None if that is spent."""
        of, minor = part.cost_for(currency)
        key, period = f"budget:{part.budget}:{of}", self._period(part.budget, periods)
        if ledger.spent_in(key, period) + minor > self.limits[part.budget][of]:
            return None
        ledger.spend(key, period, minor)
        # A replica whose clock is behind took it out of the later period.
        return Charge(key, ledger.spent[key][0], minor)

    def _quiet(self, asked: Asked) -> Refusal | None:
        part, facts = asked.part, asked.facts
        for quiet in self.quiet:
            if part.priority in quiet.unless:
                continue
            if not part.selected_by(self.of[f"quiet:{quiet.name}"]):
                continue
            if quiet.whose == "visitor":
                minute = facts.visitor_minute
            elif asked.recipient is not None and asked.recipient.minute >= 0:
                minute = asked.recipient.minute
            else:
                minute = facts.team_minute
            span = (minutes_of(quiet.since), minutes_of(quiet.to), days_of(quiet.days))
            if in_span(minute, *span):
                return Refusal("quiet_hours", quiet.name)
        return None

    def _dismissed(self, asked: Asked) -> Refusal | None:
        rest, part, facts = self.after_dismissal, asked.part, asked.facts
        if rest is None or part.kind != "page":
            return None
        since_ms = facts.now_ms - rest.for_s * 1000
        for at_ms, kind in facts.dismissals:
            if at_ms > since_ms and (rest.of == "any" or kind == part.type):
                return Refusal("dismissed", kind)
        return None

    def _cooling(self, asked: Asked, readings: Readings) -> Refusal | None:
        for cooldown in self.cooldowns:
            if not asked.part.selected_by(self.of[f"cooldown:{cooldown.name}"]):
                continue
            key = f"cooldown:{cooldown.name}"
            if readings.read(cooldown.per, key, 0, None) > asked.facts.now_ms:
                return Refusal("cooldown", cooldown.name)
        return None

    def _excluded(self, asked: Asked, readings: Readings) -> Refusal | None:
        group = asked.part.group
        if not group:
            return None
        if readings.read("visitor", f"group:{group}", 0, None) > asked.facts.now_ms:
            return Refusal("excluded", group)
        beside = asked.beside
        # An action for page and team is one of its group, though it has two parts.
        if beside is not None and beside.group == group and beside.name != asked.part.name:
            return Refusal("excluded", group)
        return None

    def _capped(self, asked: Asked, readings: Readings) -> Refusal | None:
        for cap in self.caps:
            if cap.per == "channel" or not asked.part.selected_by(self.of[f"cap:{cap.name}"]):
                continue
            if cap.per == "company" and not asked.facts.company:
                continue
            since_ms = asked.facts.now_ms - cap.within_s * 1000
            count = readings.read(cap.per, f"cap:{cap.name}", since_ms, None)
            if asked.beside is not None and asked.beside.selected_by(self.of[f"cap:{cap.name}"]):
                count += 1
            if count >= cap.most:
                return Refusal("cap", cap.name)
        return None

    def _spent(self, asked: Asked, readings: Readings) -> Refusal | None:
        part, facts = asked.part, asked.facts
        if not part.budget:
            return None
        currency, minor = part.cost_for(facts.currency)
        period = self._period(part.budget, facts.periods)
        key = f"budget:{part.budget}:{currency}"
        spent = readings.read("tenant", key, 0, period)
        beside = asked.beside
        if beside is not None and beside.budget == part.budget:
            other, besides = beside.cost_for(facts.currency)
            spent += besides if other == currency else 0
        if spent + minor > self.limits[part.budget][currency]:
            return Refusal("budget", part.budget)
        return None

    def _period(self, name: str, periods: tuple[str, ...]) -> str:
        each = self.budgets[name].each
        return EVER if each == "ever" else periods[_PERIODS.index(each)]


def compile_guards(guards: Guards) -> GuardSet:
    """Check the document's guards.

    Raises:
        PolicyError: two of a name, or an amount that cannot be.
    """
    of: dict[str, frozenset[str]] = {}
    groups: tuple[tuple[str, Sequence[Cooldown | Cap | Quiet]], ...] = (
        ("cooldown", guards.cooldowns),
        ("cap", guards.caps),
        ("quiet", guards.quiet),
    )
    for kind, group in groups:
        for index, guard in enumerate(group):
            key = f"{kind}:{guard.name}"
            if key in of:
                raise PolicyError(
                    f"guards: two of {kind} are named {guard.name!r}; rename number {index + 1}"
                )
            of[key] = frozenset(guard.of)
    for index, cap in enumerate(guards.caps):
        if cap.channels and cap.per != "channel":
            raise PolicyError(f"guards.caps[{index}].channels: only with `per: channel`")
    for index, quiet in enumerate(guards.quiet):
        if quiet.since == quiet.to:
            raise PolicyError(
                f"guards.quiet[{index}]: from and to are the same; for whole days give days and"
                " from 00:00 to 24:00"
            )
    limits = {
        name: {
            currency: minor_units(f"guards.budgets.{name}.most", currency, amount)
            for currency, amount in budget.most.items()
        }
        for name, budget in guards.budgets.items()
    }
    per = {one.per for one in guards.cooldowns} | {one.per for one in guards.caps}
    return GuardSet(
        guards.stale_after_s * 1000,
        guards.cooldowns,
        guards.caps,
        guards.quiet,
        guards.after_dismissal,
        dict(guards.budgets),
        limits,
        guards.fold_s * 1000,
        of,
        about_tenant=bool(guards.budgets) or bool(per & {"channel", "tenant"}),
        about_company="company" in per,
    )
