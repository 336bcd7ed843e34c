"""The registrable domain of a name, by the public suffix list of the pinned package.

Both parts of the list count. Below a private suffix (github.io, myshopify.com, uk.com) every name
has an owner of its own, so shop.myshopify.com is no part of myshopify.com. What the list lacks
(onmicrosoft.com) is in `shared` of `data/curated.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from publicsuffixlist import PublicSuffixList

from services.identity.company.lists import curated

# In the list, and no mailbox's place all the same.
_FOR_MACHINES: Final = frozenset({"arpa", "onion"})
# In nobody's list, and all the same in use: documentation, tests, demonstrations (RFC 6761).
_FOR_EXAMPLES: Final = frozenset({"example", "test"})


@dataclass(frozen=True, slots=True)
class Registrable:
    """A name taken apart: mail.eu.acme.co.uk is acme below co.uk."""

    domain: str
    """What somebody registered: acme.co.uk."""
    label: str
    """The part they chose: acme."""
    suffix: str
    """What it stands below: co.uk."""
    private: bool
    """The suffix is a company's that lends out names, not a registry's."""


@cache
def _all() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


@cache
def _registries() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False, only_icann=True)


def load() -> None:
    """Read the list now, instead of when the first name is asked for."""
    _all()
    _registries()


def registrable(domain: str) -> Registrable | None:
    """Take a bare ASCII domain apart; None if it is a public suffix, or below none that exists.

    A private suffix by itself is its operator's: only they can have an address there.
    """
    if domain.rpartition(".")[2] in _FOR_MACHINES:
        return None
    registry = _suffix(domain, _registries())
    suffix = _suffix(domain, _all())
    if suffix == domain:
        suffix = registry
    if not suffix or suffix == domain:
        return None
    name = _below(domain, suffix, suffix != registry)
    if name.domain in curated().shared and name.domain != domain:
        return _below(domain, name.domain, True)
    return name


def _below(domain: str, suffix: str, private: bool) -> Registrable:
    label = domain.removesuffix(f".{suffix}").rpartition(".")[2]
    return Registrable(f"{label}.{suffix}", label, suffix, private)


def _suffix(domain: str, suffixes: PublicSuffixList) -> str:
    """The public suffix of a name; "" if it is below none."""
    last = domain.rpartition(".")[2]
    return suffixes.publicsuffix(domain) or (last if last in _FOR_EXAMPLES else "")
