"""What a tenant knows better than any list: the `company` document.

    {"companies": {"acme-mail.example": "acme.example"}, "not_companies": ["freelancers.example"],
     "names": {"Acme Inc.": "acme.example"}, "parents": {"acme.example": "globex.example"},
     "enrichers": [{"kind": "csv", "key": "email", "file": "customers.csv"}]}

`sentientiq config put` writes it from JSON. A key that nobody knows is refused: it is a typing
error, or meant for another version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from services.identity.company.address import domain_of
from services.identity.company.lists import curated
from services.identity.company.suffix import registrable
from services.identity.enrich.spec import Spec, SpecError, check

_MOST: Final = 10_000
_MOST_NAME: Final = 200
_MOST_ENRICHERS: Final = 5
_NO_SPECS: Final[tuple[Spec, ...]] = ()


class RulesError(ValueError):
    """The document cannot be used; names the field, and says what would mend it."""


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    companies: dict[str, str] = {}
    not_companies: list[str] = []
    names: dict[str, str] = {}
    parents: dict[str, str] = {}
    enrichers: list[Spec] = []


@dataclass(frozen=True, slots=True)
class Rules:
    """One tenant's corrections; every domain in them is bare."""

    companies: Mapping[str, str] = field(default_factory=dict[str, str])
    """Whose a domain is; hosts below it included."""
    not_companies: frozenset[str] = frozenset()
    """Domains that stand for no company, hosts below them included."""
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    """Companies by the names under which the tenant states them, without case."""
    parents: Mapping[str, str] = field(default_factory=dict[str, str])
    """Who owns a company; goes before the list."""
    enrichers: tuple[Spec, ...] = _NO_SPECS


NO_RULES: Final = Rules()


def parse(body: bytes) -> Rules:
    """Read a document as it is stored.

    Raises:
        RulesError: naming the field.
    """
    try:
        found = msgspec.json.decode(body, type=_Document)
    except msgspec.ValidationError as error:
        keys = ", ".join(_Document.__struct_fields__)
        raise RulesError(f"{error} (the keys are {keys})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RulesError(f"expected JSON: {error}") from error
    for name in ("companies", "not_companies", "names", "parents"):
        if len(getattr(found, name)) > _MOST:
            raise RulesError(f"{name}: expected at most {_MOST} entries")
    if len(found.enrichers) > _MOST_ENRICHERS:
        raise RulesError(f"enrichers: expected at most {_MOST_ENRICHERS}")
    for index, spec in enumerate(found.enrichers):
        try:
            check(spec)
        except SpecError as error:
            raise RulesError(f"enrichers[{index}].{error}") from error
    companies = _companies(found.companies)
    not_companies = frozenset(_domain("not_companies", text) for text in found.not_companies)
    for domain in not_companies & companies.keys():
        raise RulesError(f"not_companies: {domain} is a key of companies too; keep one of them")
    return Rules(
        companies,
        not_companies,
        {_name(name): _company("names", to) for name, to in found.names.items()},
        {_company("parents", of): _company("parents", to) for of, to in found.parents.items()},
        tuple(found.enrichers),
    )


def _companies(stated: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text, company in stated.items():
        domain = _domain("companies", text)
        if domain in curated().free_mail | curated().isp:
            raise RulesError(
                f"companies: anybody gets an address at {domain}, so it can stand for no company"
            )
        found[domain] = _company("companies", company)
    return found


def _domain(where: str, text: str) -> str:
    domain = domain_of(text)
    if not domain:
        raise RulesError(f"{where}: expected domains such as acme.example, one was {text[:253]!r}")
    return domain


def _company(where: str, text: str) -> str:
    """A company is named by what it registered: acme.example, never shop.acme.example."""
    name = registrable(_domain(where, text))
    if name is None:
        raise RulesError(f"{where}: nobody can register {text[:253]!r}")
    return name.domain


def _name(text: str) -> str:
    name = text.strip().casefold()
    if not 1 <= len(name) <= _MOST_NAME:
        raise RulesError(f"names: expected names of 1 to {_MOST_NAME} characters")
    return name
