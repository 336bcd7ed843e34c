"""The port: something outside that knows more about a visitor's company."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

from services.identity.company.address import domain_of
from services.identity.company.classify import classify
from services.identity.company.suffix import registrable
from services.identity.enrich.spec import Key
from services.identity.text import is_clean

_MOST_TEXT = 200


class EnricherError(Exception):
    """The look-up failed; the message holds nothing of what was looked up."""


@dataclass(frozen=True, slots=True)
class Enrichment:
    """What is known; an empty text is not known."""

    company: str = ""
    company_name: str = ""
    parent: str = ""
    size: str = ""
    owner: str = ""

    def filled(self, other: Enrichment) -> Enrichment:
        """This, with its gaps filled by another."""
        return Enrichment(
            **{
                field.name: getattr(self, field.name) or getattr(other, field.name)
                for field in fields(self)
            }
        )


NOTHING = Enrichment()


class Enricher(Protocol):
    """Looks up one key; made once for a tenant's spec, and used by many tasks at a time."""

    async def look_up(self, key: str) -> Enrichment:
        """Return what is known about the key, NOTHING if it is unknown.

        Raises:
            EnricherError: nobody can tell now.
        """
        ...

    async def close(self) -> None:
        """Release what it holds."""
        ...


def key_of(kind: Key, email: str, company: str) -> str:
    """What to look up for a visitor; "" if they have no such key."""
    if kind == "domain":
        return company
    normal = email.strip().lower()
    if kind == "email" or not normal:
        return normal
    return hashlib.sha256(normal.encode()).hexdigest()


def read_fields(told: Mapping[str, Any]) -> Enrichment:
    """Keep what can be used of an answer: texts, numbers, and domains where these are expected."""
    parent = registrable(domain_of(_text(told.get("parent"))))
    return Enrichment(
        # What stands for no company in an address stands for none here: many a CRM has gmail.com.
        company=classify(domain_of(_text(told.get("company")))).company,
        company_name=_text(told.get("company_name")),
        parent=parent.domain if parent else "",
        size=_text(told.get("size")),
        owner=_text(told.get("owner")),
    )


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value).strip()
    return text if len(text) <= _MOST_TEXT and is_clean(text) else ""
