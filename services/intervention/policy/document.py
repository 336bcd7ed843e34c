"""The policy document, as people write it: YAML or JSON, format 2.

Everything is typed, and what this version does not know is refused, never ignored. `schema.py`
makes the published JSON Schema of these types; docs/policy.md explains each field.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from services.intervention.templates.document import TemplateDocument

FORMAT = 2

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,64}$")]
TemplateName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,64}@[0-9]{1,6}$")]
Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]{1,64}$")]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=366 * 86_400)]
Window = Annotated[int, msgspec.Meta(ge=1, le=366 * 86_400)]
Clock = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
ClockEnd = Annotated[str, msgspec.Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
"""Where a span ends; 24:00 is the end of the day."""
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")]
Amounts = dict[Currency, Decimal]

EmotionName = Literal["rage", "hesitation", "confusion", "abandonment"]
TypeName = Literal["chat", "discount", "support", "escalation"]
PriorityName = Literal["low", "medium", "high", "critical"]
TierName = Literal["starter", "growth", "enterprise"]
AssuranceName = Literal["verified", "claimed", "inferred"]
DayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TargetName = Literal["user", "team", "both"]
Selector = Literal["any", "page", "team", "chat", "discount", "support", "escalation"]

Patterns = Annotated[tuple[Pattern, ...], msgspec.Meta(min_length=1, max_length=200)]


class _Part(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    pass


class Range(_Part, frozen=True, kw_only=True):
    """A whole number's range; both ends belong to it."""

    at_least: int | None = None
    at_most: int | None = None


class ValueIs(_Part, frozen=True, kw_only=True):
    """What the visitor is worth, in major units by currency; nothing is converted.

    `bound` is the end of the interval that is compared: the low one, unless said otherwise.
    """

    at_least: Amounts | None = None
    below: Amounts | None = None
    bound: Literal["low", "estimate", "high"] = "low"
    assurance: AssuranceName = "verified"


class TierIs(_Part, frozen=True, kw_only=True):
    """The tier, and how well it must be known."""

    one_of: Annotated[tuple[TierName, ...], msgspec.Meta(min_length=1)]
    assurance: AssuranceName = "verified"


class CompanyIs(_Part, frozen=True, kw_only=True):
    """The company by registered domain, what kind it is, how large."""

    domain: Patterns | None = None
    kind: Patterns | None = None
    size: Patterns | None = None
    known: bool | None = None
    assurance: AssuranceName = "inferred"


class Times(_Part, frozen=True, kw_only=True):
    """How often something happened to the visitor lately. At most 16 are remembered."""

    at_least: Annotated[int, msgspec.Meta(ge=0, le=16)] | None = None
    at_most: Annotated[int, msgspec.Meta(ge=0, le=15)] | None = None
    within_s: Window = 7 * 86_400


class HistoryIs(_Part, frozen=True, kw_only=True):
    """What came before this emotion, of the same visitor."""

    episodes: Times | None = None
    interventions: Times | None = None
    dismissals: Times | None = None


class ConsentIs(_Part, frozen=True, kw_only=True):
    """What the visitor agreed to. Unknown is neither yes nor no: no condition holds."""

    interventions: bool | None = None
    analytics: bool | None = None


class LocalTime(_Part, frozen=True, kw_only=True):
    """Wall-clock time where the visitor or the team is; `from` after `to` spans midnight."""

    of: Literal["visitor", "team"]
    since: Clock = msgspec.field(name="from")
    to: ClockEnd
    days: Annotated[tuple[DayName, ...], msgspec.Meta(min_length=1)] | None = None
    """Days on which the span begins; none: every day."""


class When(_Part, frozen=True, kw_only=True):
    """All that is given must hold."""

    emotion: EmotionName | tuple[EmotionName, ...] | None = None
    confidence: Annotated[int, msgspec.Meta(ge=0, le=100)] | Range | None = None
    """A number alone: at least."""
    trigger: Patterns | None = None
    page: Patterns | None = None
    element: Patterns | None = None
    section: Patterns | None = None
    words: Annotated[tuple[Word, ...], msgspec.Meta(min_length=1, max_length=200)] | None = None
    """One of them stands in page, element or section ("payNow" is "pay", "now")."""
    value: ValueIs | None = None
    tier: TierName | TierIs | None = None
    company: CompanyIs | None = None
    assurance: AssuranceName | None = None
    known: bool | None = None
    """Whether the tenant's id of the user is known."""
    language: Patterns | None = None
    history: HistoryIs | None = None
    consent: ConsentIs | None = None
    local_time: LocalTime | None = None
    any_of: Annotated[tuple[When, ...], msgspec.Meta(min_length=1, max_length=50)] | None = None
    none_of: Annotated[tuple[When, ...], msgspec.Meta(min_length=1, max_length=50)] | None = None


class Cost(_Part, frozen=True, kw_only=True):
    """What an action takes out of a budget, at most."""

    name: Name
    cost: Annotated[Amounts, msgspec.Meta(min_length=1)]
    """By currency; the visitor's, or else the first one, is charged."""


class Escalate(_Part, frozen=True, kw_only=True):
    """Who is asked too, if nobody has acknowledged by then."""

    after_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)]
    """After the decision, or after the step before."""
    to: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^(owner|role:.{1,64}|on_call:.{1,64})$")], ...],
        msgspec.Meta(min_length=1, max_length=20),
    ]
    """The first who can be reached and was not asked before."""


class Action(_Part, frozen=True, kw_only=True):
    """Something that may be done."""

    name: Name
    type: TypeName
    template: TemplateName
    target: TargetName = "user"
    priority: PriorityName = "medium"
    when: When = When()
    to: tuple[Annotated[str, msgspec.Meta(pattern=r"^(owner|role:.{1,64})$")], ...] = ()
    """Of the team, the first who can be reached."""
    delay_s: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 0
    """Help in the page waits so long; 0: at once."""
    expires_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 30
    """How long help in the page may still be shown."""
    due_s: Annotated[int, msgspec.Meta(ge=60, le=7 * 86_400)] = 900
    """When the team's recommendation counts as ignored."""
    escalate: Annotated[tuple[Escalate, ...], msgspec.Meta(max_length=10)] = ()
    """Whom the team's recommendation goes to next while nobody acknowledges it."""
    group: Name | None = None
    """Of a group, a visitor has one at a time."""
    budget: Cost | None = None


class Rule(_Part, frozen=True, kw_only=True):
    """A node of the tree. The first leaf whose conditions all hold decides.

    A leaf has `do`; nothing in it means: do nothing, on purpose. A branch has `rules`.
    """

    name: Name
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""
    off: bool = False
    when: When = When()
    do: Annotated[tuple[Action, ...], msgspec.Meta(max_length=20)] | None = None
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(min_length=1, max_length=500)] | None = None


class Cooldown(_Part, frozen=True, kw_only=True):
    """After one, so long none of the kind."""

    name: Name
    per: Literal["session", "visitor", "company"]
    of: tuple[Selector, ...] = ("any",)
    for_s: Seconds


class Cap(_Part, frozen=True, kw_only=True):
    """At most so many within any window of that length."""

    name: Name
    per: Literal["session", "visitor", "company", "channel", "tenant"]
    of: tuple[Selector, ...] = ("any",)
    channels: tuple[Name, ...] = ()
    """With `per: channel`: those that are capped, each for itself; none: all."""
    most: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    within_s: Window


class Quiet(_Part, frozen=True, kw_only=True):
    """Hours in which nothing of the kind goes out."""

    name: Name
    whose: Literal["visitor", "team"]
    since: Clock = msgspec.field(name="from")
    to: ClockEnd
    days: Annotated[tuple[DayName, ...], msgspec.Meta(min_length=1)] | None = None
    of: tuple[Selector, ...] = ("any",)
    unless: tuple[PriorityName, ...] = ()
    """Priorities that go out all the same."""


class AfterDismissal(_Part, frozen=True, kw_only=True):
    """Whoever closed help is left alone for a while."""

    for_s: Seconds = 3_600
    of: Literal["same_type", "any"] = "same_type"


class Budget(_Part, frozen=True, kw_only=True):
    """How much may be given away, exactly, in each period of the policy's zone."""

    most: Annotated[Amounts, msgspec.Meta(min_length=1)]
    each: Literal["day", "week", "month", "ever"] = "day"


class Guards(_Part, frozen=True, kw_only=True):
    """What holds whatever the rules say."""

    stale_after_s: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 3
    """Older emotions bring no help in the page; the team hears all the same."""
    fold_s: Annotated[int, msgspec.Meta(ge=0, le=43_200)] = 900
    """So long, what more a visitor feels joins the message and page that a person has; 0: never.

    At most half as long as a link works: what joins last must not find the page closed.
    """
    cooldowns: tuple[Cooldown, ...] = (
        Cooldown(name="page", per="session", of=("page",), for_s=60),
        Cooldown(name="team", per="session", of=("team",), for_s=600),
    )
    caps: Annotated[tuple[Cap, ...], msgspec.Meta(max_length=50)] = ()
    quiet: Annotated[tuple[Quiet, ...], msgspec.Meta(max_length=50)] = ()
    after_dismissal: AfterDismissal | None = AfterDismissal()
    budgets: Annotated[dict[Name, Budget], msgspec.Meta(max_length=50)] = {}


class Document(_Part, frozen=True, kw_only=True):
    """A policy as it is written."""

    policy: Literal[2]
    zone: str = "UTC"
    """Where the team is, unless a person's own zone is known."""
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(max_length=500)]
    guards: Guards = Guards()
    templates: dict[TemplateName, TemplateDocument] = {}
