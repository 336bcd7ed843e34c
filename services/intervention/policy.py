"""The policy document: typed rules that turn an emotion and an identity into a plan.

JSON, checked on reading; what this version does not know is refused, never ignored. A claimed or
inferred value never buys the visitor an offer: `page.value` counts for verified identities only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Literal

import msgspec
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.intervention.templates import Template, builtin_templates

BUILTIN_VERSION = "builtin@1"

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,64}$")]
TemplateName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,64}@[0-9]{1,6}$")]
PriorityName = Literal["low", "medium", "high", "critical"]

_EMOTIONS = {
    emotion_pb2.EMOTION_KIND_RAGE: "rage",
    emotion_pb2.EMOTION_KIND_HESITATION: "hesitation",
    emotion_pb2.EMOTION_KIND_CONFUSION: "confusion",
    emotion_pb2.EMOTION_KIND_ABANDONMENT: "abandonment",
}
_ASSURANCES = {
    "verified": identity_pb2.ASSURANCE_VERIFIED,
    "claimed": identity_pb2.ASSURANCE_CLAIMED,
    "inferred": identity_pb2.ASSURANCE_INFERRED,
}
_PRIORITIES: dict[str, pb.Priority.ValueType] = {
    "low": pb.PRIORITY_LOW,
    "medium": pb.PRIORITY_MEDIUM,
    "high": pb.PRIORITY_HIGH,
    "critical": pb.PRIORITY_CRITICAL,
}


class PolicyError(Exception):
    """The document cannot be used; the message names the place and the mend."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class When(_Part, frozen=True):
    """What an emotion must be."""

    emotion: Literal["rage", "hesitation", "confusion", "abandonment"]
    min_confidence: Annotated[int, msgspec.Meta(ge=0, le=100)] = 50


class Value(_Part, frozen=True):
    """How much must be at stake: minor units by currency, no conversion between them."""

    at_least: dict[
        Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")], Annotated[int, msgspec.Meta(ge=0)]
    ]
    assurance: Literal["verified", "claimed", "inferred"] = "verified"

    def holds(self, identity: identity_pb2.UserIdentity) -> bool:
        """Tell whether the identity is worth that much, and is known well enough."""
        floor = self.at_least.get(identity.ltv.currency)
        return (
            floor is not None
            and identity.HasField("ltv")
            and identity.ltv.minor >= floor
            and identity.assurance >= _ASSURANCES[self.assurance]
        )


class Choice(_Part, frozen=True):
    """A template, and the words of page or element that select it; no words: always."""

    template: TemplateName
    words: tuple[str, ...] = ()

    def fits(self, context: emotion_pb2.EmotionContext) -> bool:
        """Tell whether one of the words stands in the page, the element or the section."""
        if not self.words:
            return True
        text = f"{context.page} {context.element} {context.section}"
        return not _words(text).isdisjoint(self.words)


class Page(_Part, frozen=True):
    """Help for the visitor. The first template that fits is taken."""

    templates: Annotated[tuple[Choice, ...], msgspec.Meta(min_length=1)]
    priority: PriorityName = "medium"
    expires_s: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 30
    value: Value | None = None


class Team(_Part, frozen=True):
    """A recommendation to the first of `to` who can be reached."""

    to: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^(owner|role:.{1,64})$")], ...],
        msgspec.Meta(min_length=1),
    ]
    priority: PriorityName = "critical"
    due_s: Annotated[int, msgspec.Meta(ge=60, le=7 * 86_400)] = 900
    value: Value | None = None


class Rule(_Part, frozen=True):
    """One rule; the first whose `when` holds decides."""

    name: Name
    when: When
    page: Page | None = None
    team: Team | None = None


class Limits(_Part, frozen=True):
    """How often a session may be helped, and how old an emotion may be for help in the page."""

    page_cooldown_s: Annotated[int, msgspec.Meta(ge=0)] = 60
    team_cooldown_s: Annotated[int, msgspec.Meta(ge=0)] = 600
    stale_after_s: Annotated[int, msgspec.Meta(ge=1)] = 3


class Document(_Part, frozen=True):
    """A policy as it is written."""

    rules: tuple[Rule, ...]
    limits: Limits = Limits()
    templates: dict[TemplateName, Template] = {}


@dataclass(frozen=True, slots=True)
class Policy:
    """A document that was checked, under its version."""

    version: str
    rules: tuple[Rule, ...]
    limits: Limits
    templates: dict[str, Template]

    def choose(self, emotion: emotion_pb2.Emotion) -> Rule | str:
        """Return the rule that decides, or the reason why there is none."""
        kind = _EMOTIONS.get(emotion.kind)
        rules = [rule for rule in self.rules if rule.when.emotion == kind]
        for rule in rules:
            if emotion.confidence >= rule.when.min_confidence:
                return rule
        return "below_confidence" if rules else "no_rule"

    def template_for(self, page: Page, context: emotion_pb2.EmotionContext) -> str | None:
        """Name the first template that fits the place, None without one."""
        for choice in page.templates:
            if choice.fits(context):
                return choice.template
        return None


def parse_policy(version: str, body: bytes) -> Policy:
    """Check a document.

    Raises:
        PolicyError: it is no JSON, has unknown or missing fields, or names unknown templates.
    """
    try:
        document = msgspec.json.decode(body, type=Document)
    except msgspec.MsgspecError as error:
        raise PolicyError(f"policy {version}: {error}") from error
    templates = {**builtin_templates(), **document.templates}
    names: set[str] = set()
    for rule in document.rules:
        if rule.name in names:
            raise PolicyError(f"policy {version}: two rules are named {rule.name!r}, rename one")
        names.add(rule.name)
        if rule.page is None:
            continue
        if rule.page.value is not None and rule.page.value.assurance != "verified":
            raise PolicyError(
                f"policy {version}: rule {rule.name!r}: page.value.assurance must be 'verified'; "
                "a claimed value never buys an offer"
            )
        for choice in rule.page.templates:
            if choice.template not in templates:
                raise PolicyError(
                    f"policy {version}: rule {rule.name!r} names template {choice.template!r}; "
                    f"known are {', '.join(sorted(templates))}"
                )
    return Policy(version, document.rules, document.limits, templates)


def builtin_policy() -> Policy:
    """The policy of every tenant that has not put its own."""
    body = files("services.intervention").joinpath("builtin_policy.json").read_bytes()
    return parse_policy(BUILTIN_VERSION, body)


def priority_of(name: PriorityName) -> pb.Priority.ValueType:
    """The contract's word for a priority."""
    return _PRIORITIES[name]


def _words(text: str) -> set[str]:
    """Lower-case words of a path or descriptor: "button#payNow" -> {"button", "pay", "now"}."""
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text)
    return set(re.findall(r"[a-z0-9]+", split.lower()))
