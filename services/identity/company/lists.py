"""The lists: `data/curated.json` and `data/parents.json` by hand, the rest from packages.

`data/README.md` says which packages, their versions and licences.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Curated:
    """What people wrote down; it goes before what packages say."""

    free_mail: frozenset[str]
    free_mail_of_countries: frozenset[str]
    """Names that are free-mail below every country's suffix: yahoo, so yahoo.com.ph."""
    names_of_free_mail: frozenset[str]
    """Names that nobody else wears honestly: gmail, so gmail.work."""
    typed_wrong: frozenset[str]
    """Names that are a slip of the finger away from free-mail: gmial."""
    often_mistyped: frozenset[str]
    """Names so long and odd that one slip away nobody else has theirs."""
    forwarding: frozenset[str]
    isp: frozenset[str]
    disposable: frozenset[str]
    not_free_mail: frozenset[str]
    """Where a package names an organisation by mistake."""
    shared: frozenset[str]
    """Companies that lend out names below their own, as private suffixes do."""
    government: frozenset[str]
    bait: frozenset[str]
    """Words that a name made to deceive puts beside one of `baited`: paypal-login."""
    baited: frozenset[str]
    brands: frozenset[str]
    """Domains that others like to imitate."""


def _read(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def _from_package(name: str) -> frozenset[str]:
    return frozenset(domain for line in _read(name)["domains"] for domain in line.split())


@cache
def curated() -> Curated:
    """The lists kept by hand."""
    return Curated(**{name: frozenset(words) for name, words in _read("curated.json").items()})


@cache
def free_mail() -> frozenset[str]:
    """Where anybody gets an address, by a package."""
    return _from_package("free_mail.json")


@cache
def disposable() -> frozenset[str]:
    """Where an address lasts for minutes."""
    return _from_package("disposable.json")


@cache
def education() -> frozenset[str]:
    """Schools and universities whose suffix does not say so."""
    return _from_package("education.json")


@cache
def confusables() -> Mapping[int, str]:
    """Letters that look like ASCII ones, as str.translate takes them."""
    return {ord(letter): twin for letter, twin in _read("confusables.json")["letters"].items()}


@cache
def parents() -> Mapping[str, str]:
    """Who owns a company, one step up; both are domains."""
    return {
        child: parent for parent, line in _read("parents.json").items() for child in line.split()
    }
