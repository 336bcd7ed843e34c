"""Conditions of the document, each compiled once into a closure over facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import translate
from functools import lru_cache
from typing import Literal

from services.common.currencies import DIGITS
from services.intervention.policy.document import (
    AssuranceName,
    CompanyIs,
    HistoryIs,
    LocalTime,
    Range,
    TierIs,
    Times,
    ValueIs,
    When,
)
from services.intervention.policy.errors import PolicyError
from services.intervention.policy.facts import UNKNOWN, VERIFIED, Facts, in_span

Holds = Callable[[Facts], bool]
Unproven = Literal["", "value", "company"]

ASSURANCES: dict[AssuranceName, int] = {"inferred": 1, "claimed": 2, "verified": VERIFIED}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CAMEL = re.compile(r"([a-z0-9])([A-Z])")
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Test:
    """One condition: where it stands, what it asks, and whether it holds."""

    path: str
    text: str
    holds: Holds
    unproven: Unproven = ""
    """What it takes somebody's word for: never enough for an offer."""
    about: Unproven = ""
    """What it asks of, proven or not: turned round, the proof is gone."""


def compile_when(when: When, path: str) -> list[Test]:
    """Return the tests of a `when`, cheap ones first.

    Raises:
        PolicyError: a currency or amount cannot be used.
    """
    return [
        *_of_emotion(when, path),
        *_of_place(when, path),
        *_of_visitor(when, path),
        *_of_time(when, path),
        *_of_groups(when, path),
    ]


def emotions_of(when: When) -> frozenset[str] | None:
    """The emotions that can meet it; None: all."""
    if when.emotion is None:
        return None
    return frozenset((when.emotion,) if isinstance(when.emotion, str) else when.emotion)


def _of_emotion(when: When, path: str) -> Iterator[Test]:
    wanted = emotions_of(when)
    if wanted is not None:
        yield Test(
            f"{path}.emotion",
            f"emotion is {_either(sorted(wanted))}",
            lambda facts: facts.emotion in wanted,
        )
    if when.confidence is not None:
        yield _confidence(f"{path}.confidence", when.confidence)
    if when.trigger is not None:
        yield _text(f"{path}.trigger", "trigger", when.trigger)


def _of_visitor(when: When, path: str) -> Iterator[Test]:
    if when.known is not None:
        known = when.known
        yield Test(
            f"{path}.known",
            "the user is known" if known else "the user is not known",
            lambda facts: bool(facts.user_id) is known,
        )
    if when.assurance is not None:
        level = ASSURANCES[when.assurance]
        yield Test(
            f"{path}.assurance",
            f"identity is at least {when.assurance}",
            lambda facts: facts.assurance >= level,
        )
    if when.tier is not None:
        wanted = TierIs(one_of=(when.tier,)) if isinstance(when.tier, str) else when.tier
        yield _tier(f"{path}.tier", wanted)
    if when.value is not None:
        yield _value(f"{path}.value", when.value)
    if when.company is not None:
        yield from _company(f"{path}.company", when.company)
    if when.history is not None:
        yield from _history(f"{path}.history", when.history)
    if when.consent is not None:
        for name in ("interventions", "analytics"):
            agreed: bool | None = getattr(when.consent, name)
            if agreed is not None:
                yield _consent(f"{path}.consent.{name}", name, agreed)
    if when.language is not None:
        yield _text(f"{path}.language", "language", when.language)


def _of_place(when: When, path: str) -> Iterator[Test]:
    if when.page is not None:
        yield _text(f"{path}.page", "page", when.page)
    if when.element is not None:
        yield _text(f"{path}.element", "element", when.element)
    if when.section is not None:
        yield _text(f"{path}.section", "section", when.section)
    if when.words is not None:
        words = frozenset(when.words)
        yield Test(
            f"{path}.words",
            f"page, element or section says {_either(sorted(words))}",
            lambda facts: (
                not words.isdisjoint(words_of(f"{facts.page} {facts.element} {facts.section}"))
            ),
        )


def _of_time(when: When, path: str) -> Iterator[Test]:
    if when.local_time is not None:
        yield _local_time(f"{path}.local_time", when.local_time)


def _of_groups(when: When, path: str) -> Iterator[Test]:
    for name, group in (("any_of", when.any_of), ("none_of", when.none_of)):
        if group is None:
            continue
        parts = [compile_when(one, f"{path}.{name}[{index}]") for index, one in enumerate(group)]
        choices = tuple(tuple(test.holds for test in part) for part in parts)
        said = " | ".join(" and ".join(test.text for test in part) or "always" for part in parts)
        wanted = name == "any_of"

        def holds(
            facts: Facts, choices: tuple[tuple[Holds, ...], ...] = choices, wanted: bool = wanted
        ) -> bool:
            return any(all(one(facts) for one in choice) for choice in choices) is wanted

        yield Test(
            f"{path}.{name}",
            f"{'one of' if wanted else 'none of'}: {said}",
            holds,
            _worst(parts, turned=not wanted),
            _worst(parts, turned=True),
        )


def _worst(parts: list[list[Test]], *, turned: bool) -> Unproven:
    """What a group takes somebody's word for; who has no proof fails a test, and passes its
    opposite."""
    found: set[Unproven] = {
        test.about if turned else test.unproven for part in parts for test in part
    }
    return "value" if "value" in found else "company" if "company" in found else ""


def minutes_of(clock: str) -> int:
    """ "09:30" as minutes of the day; "24:00" is its end."""
    return int(clock[:2]) * 60 + int(clock[3:])


def days_of(days: tuple[str, ...] | None) -> frozenset[int] | None:
    """Names of days as numbers, Monday 0."""
    return None if days is None else frozenset(DAYS.index(day) for day in days)


@lru_cache(maxsize=1024)
def words_of(text: str) -> frozenset[str]:
    """Lower-case words of a path or descriptor: "button#payNow" -> {"button", "pay", "now"}."""
    return frozenset(_WORD.findall(_CAMEL.sub(r"\1 \2", text).lower()))


def minor_units(path: str, currency: str, amount: Decimal) -> int:
    """An amount in minor units, exactly.

    Raises:
        PolicyError: no such currency, or the amount has more digits than it.
    """
    digits = DIGITS.get(currency)
    if digits is None:
        raise PolicyError(f"{path}: {currency!r} is no currency; use an ISO 4217 code such as EUR")
    most = 10**15 // 10**digits
    if not amount.is_finite() or not 0 <= amount <= most:
        raise PolicyError(f"{path}: expected 0 to {most} {currency}, was {amount}")
    scaled = amount.scaleb(digits)
    if scaled != scaled.to_integral_value():
        raise PolicyError(f"{path}: {currency} has {digits} decimals, was {amount}; round it")
    return int(scaled)


def _either(words: list[str]) -> str:
    shown = words if len(words) <= 6 else [*words[:5], f"{len(words) - 5} more"]
    return " or ".join(shown)


def _ranged(path: str, name: str, span: Range, of: Callable[[Facts], int]) -> Test:
    low = span.at_least if span.at_least is not None else -(10**18)
    high = span.at_most if span.at_most is not None else 10**18
    if low > high:
        raise PolicyError(f"{path}: at_least is above at_most, so it never holds; swap them")
    bounds = [f"at least {span.at_least}"] if span.at_least is not None else []
    bounds += [f"at most {span.at_most}"] if span.at_most is not None else []
    return Test(
        path,
        f"{name} is {' and '.join(bounds) or 'anything'}",
        lambda facts: low <= of(facts) <= high,
    )


# One closure a condition and no call inside it: a hundred rules are walked for each emotion.
_IS: dict[str, Callable[[frozenset[str]], Holds]] = {
    "trigger": lambda words: lambda facts: facts.trigger in words,
    "page": lambda words: lambda facts: facts.page in words,
    "element": lambda words: lambda facts: facts.element in words,
    "section": lambda words: lambda facts: facts.section in words,
    "language": lambda words: lambda facts: facts.language in words,
    "company": lambda words: lambda facts: facts.company in words,
    "company_kind": lambda words: lambda facts: facts.company_kind in words,
    "company_size": lambda words: lambda facts: facts.company_size in words,
}
_BEGINS: dict[str, Callable[[tuple[str, ...]], Holds]] = {
    "page": lambda heads: lambda facts: facts.page.startswith(heads),
    "element": lambda heads: lambda facts: facts.element.startswith(heads),
}


def _text(path: str, name: str, patterns: tuple[str, ...], field: str = "") -> Test:
    field = field or name
    said = f"{name} is {_either(list(patterns))}"
    if not any(char in pattern for pattern in patterns for char in "*?["):
        return Test(path, said, _IS[field](frozenset(patterns)))
    heads = tuple(pattern[:-1] for pattern in patterns if pattern.endswith("*"))
    plain = not any(char in head for head in heads for char in "*?[")
    if len(heads) == len(patterns) and plain and field in _BEGINS:
        return Test(path, said, _BEGINS[field](heads))
    match = re.compile("|".join(translate(pattern) for pattern in patterns)).match
    return Test(path, said, lambda facts: match(getattr(facts, field)) is not None)


def _confidence(path: str, wanted: int | Range) -> Test:
    span = Range(at_least=wanted) if isinstance(wanted, int) else wanted
    test = _ranged(path, "confidence", span, lambda facts: facts.confidence)
    if span.at_most is None and span.at_least is not None:
        least = span.at_least
        return Test(path, test.text, lambda facts: facts.confidence >= least)
    return test


def _tier(path: str, wanted: TierIs) -> Test:
    tiers, level = frozenset(wanted.one_of), ASSURANCES[wanted.assurance]
    return Test(
        path,
        f"tier is {_either(sorted(tiers))}, {wanted.assurance}",
        lambda facts: facts.tier in tiers and facts.assurance >= level,
        "value" if level < VERIFIED else "",
        "value",
    )


def _value(path: str, wanted: ValueIs) -> Test:
    level = ASSURANCES[wanted.assurance]
    floors = {c: minor_units(f"{path}.at_least", c, a) for c, a in (wanted.at_least or {}).items()}
    tops = {c: minor_units(f"{path}.below", c, a) for c, a in (wanted.below or {}).items()}
    if not floors and not tops:
        raise PolicyError(f"{path}: give at_least or below, by currency")
    low, high = wanted.bound == "low", wanted.bound == "high"

    def holds(facts: Facts) -> bool:
        if not facts.currency or facts.assurance < level:
            return False
        worth = facts.value
        if low and facts.value_low != UNKNOWN:
            worth = facts.value_low
        elif high and facts.value_high != UNKNOWN:
            worth = facts.value_high
        if floors and worth < floors.get(facts.currency, 10**18):
            return False
        return not tops or worth < tops.get(facts.currency, -(10**18))

    said = [f"at least {a} {c}" for c, a in (wanted.at_least or {}).items()]
    said += [f"below {a} {c}" for c, a in (wanted.below or {}).items()]
    text = f"value ({wanted.bound}, {wanted.assurance}) is {_either(said)}"
    return Test(path, text, holds, "value" if level < VERIFIED else "", "value")


def _company(path: str, wanted: CompanyIs) -> Iterator[Test]:
    level = ASSURANCES[wanted.assurance]
    unproven: Unproven = "company" if level < VERIFIED else ""
    if wanted.known is not False:
        yield Test(
            f"{path}.assurance",
            f"company is at least {wanted.assurance}",
            lambda facts: facts.assurance >= level,
        )
    if wanted.known is not None:
        known = wanted.known
        yield Test(
            f"{path}.known",
            "the company is known" if known else "no company is known",
            lambda facts: bool(facts.company) is known,
            unproven,
            "company",
        )
    for name, patterns, field in (
        ("domain", wanted.domain, "company"),
        ("kind", wanted.kind, "company_kind"),
        ("size", wanted.size, "company_size"),
    ):
        if patterns is not None:
            test = _text(f"{path}.{name}", f"company's {name}", patterns, field)
            yield Test(test.path, test.text, test.holds, unproven, "company")


def _history(path: str, wanted: HistoryIs) -> Iterator[Test]:
    if wanted.episodes is not None:
        yield _times(f"{path}.episodes", "episodes", wanted.episodes, lambda facts: facts.episodes)
    if wanted.interventions is not None:
        name, times = "interventions", wanted.interventions
        yield _times(f"{path}.{name}", name, times, lambda facts: facts.interventions)
    if wanted.dismissals is not None:
        name = "dismissals"
        yield _times(f"{path}.{name}", name, wanted.dismissals, _dismissals)


def _dismissals(facts: Facts) -> list[int]:
    return [at_ms for at_ms, _ in facts.dismissals]


def _times(path: str, name: str, wanted: Times, of: Callable[[Facts], Sequence[int]]) -> Test:
    within_ms = wanted.within_s * 1000

    def count(facts: Facts) -> int:
        since = facts.now_ms - within_ms
        return sum(at > since for at in of(facts))

    span = Range(at_least=wanted.at_least, at_most=wanted.at_most)
    return _ranged(path, f"{name} within {wanted.within_s} s", span, count)


def _consent(path: str, name: str, agreed: bool) -> Test:
    field, wanted = f"{name}_consent", int(agreed)
    return Test(
        path,
        f"the visitor {'agreed' if agreed else 'did not agree'} to {name}",
        lambda facts: getattr(facts, field) == wanted,
    )


def _local_time(path: str, wanted: LocalTime) -> Test:
    start, end, days = minutes_of(wanted.since), minutes_of(wanted.to), days_of(wanted.days)
    visitor = wanted.of == "visitor"
    text = f"it is {wanted.since} to {wanted.to} where the {wanted.of} is"
    if wanted.days:
        text += f" ({', '.join(wanted.days)})"
    return Test(
        path,
        text,
        lambda facts: in_span(
            facts.visitor_minute if visitor else facts.team_minute, start, end, days
        ),
    )
