"""What kind of domain it is, whose it is, and why: the judgement of one domain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from services.identity.company import lists, lookalike, sector, suffix
from services.identity.company.address import ascii_host
from services.identity.company.lists import curated
from services.identity.company.suffix import Registrable, registrable

_CACHED: Final = 65_536


class Kind(StrEnum):
    """What stands behind a domain."""

    COMPANY = "company"
    EDUCATION = "education"
    GOVERNMENT = "government"
    FREE_MAIL = "free-mail"
    ISP = "isp"
    DISPOSABLE = "disposable"
    LOOK_ALIKE = "look-alike"
    NONE = "none"

    @property
    def is_organisation(self) -> bool:
        """Whether the domain belongs to one organisation, which may be a customer."""
        return self in (Kind.COMPANY, Kind.EDUCATION, Kind.GOVERNMENT)


@dataclass(frozen=True, slots=True)
class Finding:
    """The judgement of one domain."""

    kind: Kind = Kind.NONE
    company: str = ""
    """The organisation's registrable domain; empty: the domain is no organisation's."""
    parent: str = ""
    """The domain of who owns the company, one step up; empty: nobody known."""
    reason: str = "nothing was said"
    """For people, and never with what stood before the @."""


def load() -> None:
    """Read every list now, instead of when the first address comes."""
    suffix.load()
    lists.free_mail()
    lists.disposable()
    lists.education()
    lists.parents()
    # The first name outside of all lists makes the tables of look-alikes.
    classify("acme.example")


@lru_cache(maxsize=_CACHED)
def classify(domain: str) -> Finding:
    """Judge a domain, or a host below one; what is no domain is none of any kind."""
    host = ascii_host(domain)
    if not host:
        return Finding(reason="no domain")
    name = registrable(host)
    if name is None:
        return Finding(reason="a public suffix, or below none that exists")
    parts = list(names_of(host, name))
    return (
        _by_hand(parts)
        or _by_look(name)
        or _by_package(parts)
        or _by_suffix(name)
        or _education(name, parts)
        or _company(name)
    )


def names_of(host: str, name: Registrable) -> Iterator[str]:
    """The host, then each name above it, down to what was registered."""
    while True:
        yield host
        if len(host) <= len(name.domain):
            return
        host = host.partition(".")[2]


def _by_hand(parts: Iterable[str]) -> Finding | None:
    """What people wrote down goes first."""
    own = curated()
    for part in parts:
        if part in own.not_free_mail:
            break
        if part in own.forwarding:
            return Finding(Kind.FREE_MAIL, reason=f"{part} forwards for anybody")
        if part in own.free_mail:
            return Finding(Kind.FREE_MAIL, reason=f"{part} is free-mail")
        if part in own.isp:
            return Finding(Kind.ISP, reason=f"{part} is for customers of an Internet provider")
        if part in own.disposable:
            return Finding(Kind.DISPOSABLE, reason=f"addresses of {part} do not last")
    return None


def _by_suffix(name: Registrable) -> Finding | None:
    """What only some may register."""
    if name.domain in curated().government or sector.is_office(name):
        return Finding(Kind.GOVERNMENT, name.domain, reason="an office of a state")
    return _school(name) if sector.is_school(name) else None


def _school(name: Registrable) -> Finding:
    return Finding(Kind.EDUCATION, name.domain, reason="a school: staff, students, alumni")


def _by_look(name: Registrable) -> Finding | None:
    """Names of free-mail in other countries, and names made to deceive."""
    own = curated()
    if name.domain in own.brands | own.not_free_mail or name.domain in lists.parents():
        return None  # it is known who they are
    of_a_country = len(name.suffix.rpartition(".")[2]) == 2 and not name.private
    if of_a_country and name.label in own.free_mail_of_countries:
        return Finding(Kind.FREE_MAIL, reason=f"{name.domain} is free-mail of {name.label}")
    suspicion = lookalike.suspect(name)
    if suspicion is None:
        return None
    return Finding(Kind.LOOK_ALIKE, reason=f"{suspicion.reason} {suspicion.original}".rstrip())


def _by_package(parts: Iterable[str]) -> Finding | None:
    """Mail for anybody, by lists that others keep."""
    for part in parts:
        if part in curated().not_free_mail:
            break
        if part in lists.free_mail():
            return Finding(Kind.FREE_MAIL, reason=f"{part} is free-mail")
        if part in lists.disposable():
            return Finding(Kind.DISPOSABLE, reason=f"addresses of {part} do not last")
    return None


def _education(name: Registrable, parts: Iterable[str]) -> Finding | None:
    return None if lists.education().isdisjoint(parts) else _school(name)


def _company(name: Registrable) -> Finding:
    below = f", below the private suffix {name.suffix}" if name.private else ""
    parent = lists.parents().get(name.domain, "")
    return Finding(Kind.COMPANY, name.domain, parent, f"registered domain{below}")
