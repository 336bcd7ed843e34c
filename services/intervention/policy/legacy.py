"""Documents of format 1, turned into format 2 when they are read. Nothing else knows format 1.

There a rule had one `page` with templates chosen by words, and one `team`; values were in minor
units and compared by the best estimate; limits were three numbers.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import msgspec

from services.common.currencies import DIGITS
from services.intervention.policy.document import (
    Action,
    AssuranceName,
    Cooldown,
    Document,
    EmotionName,
    Guards,
    Name,
    PriorityName,
    Rule,
    TemplateName,
    TypeName,
    ValueIs,
    When,
    Word,
)
from services.intervention.policy.errors import PolicyError
from services.intervention.templates.document import TemplateDocument
from services.intervention.templates.template import builtin_templates


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class _When(_Part, frozen=True):
    emotion: EmotionName
    min_confidence: Annotated[int, msgspec.Meta(ge=0, le=100)] = 50


class _Value(_Part, frozen=True):
    at_least: dict[
        Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")], Annotated[int, msgspec.Meta(ge=0)]
    ]
    assurance: AssuranceName = "verified"


class _Choice(_Part, frozen=True):
    template: TemplateName
    words: tuple[Word, ...] = ()


class _Page(_Part, frozen=True):
    templates: Annotated[tuple[_Choice, ...], msgspec.Meta(min_length=1)]
    priority: PriorityName = "medium"
    expires_s: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 30
    value: _Value | None = None


class _Team(_Part, frozen=True):
    to: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^(owner|role:.{1,64})$")], ...],
        msgspec.Meta(min_length=1),
    ]
    priority: PriorityName = "critical"
    due_s: Annotated[int, msgspec.Meta(ge=60, le=7 * 86_400)] = 900
    value: _Value | None = None


class _Rule(_Part, frozen=True):
    name: Name
    when: _When
    page: _Page | None = None
    team: _Team | None = None


class _Limits(_Part, frozen=True):
    page_cooldown_s: Annotated[int, msgspec.Meta(ge=0)] = 60
    team_cooldown_s: Annotated[int, msgspec.Meta(ge=0)] = 600
    stale_after_s: Annotated[int, msgspec.Meta(ge=1)] = 3


class _Document(_Part, frozen=True):
    rules: tuple[_Rule, ...]
    limits: _Limits = _Limits()
    templates: dict[TemplateName, TemplateDocument] = {}


def migrate(written: dict[str, object]) -> Document:
    """Read a document of format 1.

    Raises:
        msgspec.ValidationError: naming the field.
        PolicyError: a template is not known.
    """
    old = msgspec.convert(written, _Document)
    types: dict[str, TypeName] = {n: one.type for n, one in builtin_templates().items()}
    types.update({name: one.type for name, one in old.templates.items()})
    limits = old.limits
    return Document(
        policy=2,
        rules=tuple(_rule(rule, index, types) for index, rule in enumerate(old.rules)),
        guards=Guards(
            stale_after_s=limits.stale_after_s,
            cooldowns=(
                Cooldown(name="page", per="session", of=("page",), for_s=limits.page_cooldown_s),
                Cooldown(name="team", per="session", of=("team",), for_s=limits.team_cooldown_s),
            ),
            after_dismissal=None,
        ),
        templates=old.templates,
    )


def _rule(
    rule: _Rule,
    index: int,
    types: dict[str, TypeName],
) -> Rule:
    actions: list[Action] = []
    if rule.page is not None:
        for number, choice in enumerate(rule.page.templates):
            if choice.template not in types:
                raise PolicyError(
                    f"rules[{index}].page.templates[{number}]: no template {choice.template!r};"
                    f" known are {', '.join(sorted(types))}"
                )
            actions.append(
                Action(
                    name=f"page_{number + 1}",
                    type=types[choice.template],
                    template=choice.template,
                    priority=rule.page.priority,
                    when=When(words=choice.words or None, value=_value(rule.page.value)),
                    expires_s=rule.page.expires_s,
                )
            )
    if rule.team is not None:
        actions.append(
            Action(
                name="team",
                type="escalation",
                template="alert@1",
                target="team",
                priority=rule.team.priority,
                when=When(value=_value(rule.team.value)),
                to=rule.team.to,
                due_s=rule.team.due_s,
            )
        )
    when = When(emotion=rule.when.emotion, confidence=rule.when.min_confidence)
    return Rule(name=rule.name, when=when, do=tuple(actions))


def _value(value: _Value | None) -> ValueIs | None:
    if value is None:
        return None
    floors = {
        currency: Decimal(minor).scaleb(-DIGITS.get(currency, 2))
        for currency, minor in value.at_least.items()
    }
    return ValueIs(at_least=floors, bound="estimate", assurance=value.assurance)
