"""Names made to be taken for another: gmaіl.com with a Cyrillic і, gmai1.com, paypa1.com.

A name is folded to what the eye makes of it. It imitates another if both fold alike and they are
not the same. Short names fold alike by chance, so ASCII tricks count from five letters on.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import idna

from services.identity.company.lists import confusables, curated
from services.identity.company.suffix import Registrable

_SHORT: Final = 5
_STAND_INS: Final = str.maketrans("013457i", "oleastl")
# Scripts that one name may mix, as Japanese and Korean do (UTS #39, "highly restrictive").
_TOGETHER: Final = (
    frozenset({"LATIN", "CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    frozenset({"LATIN", "CJK", "IDEOGRAPHIC", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "IDEOGRAPHIC", "HANGUL"}),
)
# First words of the names of characters that belong to every script.
_COMMON: Final = frozenset({"DIGIT", "HYPHEN-MINUS", "COMBINING", "MIDDLE", "ZERO", "MODIFIER"})


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Why a name is not what it seems."""

    reason: str
    """"imitates", "mixed scripts" or "typed wrong"."""
    original: str = ""
    """The domain that it imitates."""


def suspect(name: Registrable) -> Suspicion | None:
    """Judge a name that stands in no list; None if nothing speaks against it."""
    label = shown(name.label)
    if label in curated().typed_wrong or _is_slip(label):
        return Suspicion("typed wrong")
    if label in curated().names_of_free_mail:
        return Suspicion("imitates", f"{label}.com")
    baited = _baited(label.split("-"))
    if baited:
        return Suspicion("imitates", f"{baited}.com")
    original = _imitated(label)
    if original:
        return Suspicion("imitates", original)
    return Suspicion("mixed scripts") if _mixes_scripts(label) else None


def shown(label: str) -> str:
    """A label as people see it."""
    if not label.startswith("xn--"):
        return label
    try:
        return idna.decode(label)
    except UnicodeError:
        return label


def _is_slip(label: str) -> bool:
    """Tell whether one letter is left out, put in, or swapped with the next.

    A wrong letter may make a word of its own: factbook is no facebook.
    """
    return any(_differ_by_a_slip(label, name) for name in curated().often_mistyped)


def _differ_by_a_slip(label: str, name: str) -> bool:
    pairs = enumerate(zip(label, name, strict=False))
    same = next((at for at, (one, other) in pairs if one != other), min(len(label), len(name)))
    if same == 0 or label == name:
        return False  # nobody gets the first letter wrong
    here, there = label[same:], name[same:]
    return (
        here == there[1:]
        or here[1:] == there
        or (here[:2] == there[:2][::-1] and here[2:] == there[2:])
    )


def _baited(words: Collection[str]) -> str:
    """The brand that is dressed up with words such as login; "" for none."""
    brands = curated().baited.intersection(words)
    deceives = len(words) > 1 and curated().bait.issuperset(brands.symmetric_difference(words))
    return min(brands) if brands and deceives else ""


def _mixes_scripts(label: str) -> bool:
    words = {unicodedata.name(letter, "").partition(" ")[0] for letter in label}
    scripts = words - _COMMON
    return len(scripts) > 1 and not any(scripts <= allowed for allowed in _TOGETHER)


def _imitated(label: str) -> str:
    """The protected domain that a label is made to look like; "" for none."""
    letters = unicodedata.normalize("NFD", label)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    plain = plain.translate(confusables())
    original = _protected().get(plain, "") or _folded_protected().get(_folded(plain), "")
    return "" if original.partition(".")[0] == label else original


def _folded(plain: str) -> str:
    return plain.translate(_STAND_INS).replace("rn", "m").replace("vv", "w")


@cache
def _protected() -> Mapping[str, str]:
    """Names that are worth imitating, and the domain each stands for."""
    free_mail = (f"{name}.com" for name in curated().names_of_free_mail)
    return {domain.partition(".")[0]: domain for domain in (*free_mail, *curated().brands)}


@cache
def _folded_protected() -> Mapping[str, str]:
    return {
        _folded(label): domain for label, domain in _protected().items() if len(label) >= _SHORT
    }
