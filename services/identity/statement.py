"""What was inside the seal: JSON {user_id, email, traits, token}, all optional."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from services.identity.company.address import domain_of, email_of
from services.identity.company.suffix import registrable
from services.identity.graph.blocked import is_blocked
from services.identity.model import Facts
from services.identity.money import read_money
from services.identity.text import is_clean
from services.identity.tier import tier_word

_MOST_ID = 256
_MOST_NAME = 200
_MOST_IDS = 20


class StatementError(Exception):
    """The plaintext is not what an identify may contain; the message names the field."""


@dataclass(frozen=True, slots=True)
class Statement:
    """An opened identify, its fields of the right type but not yet believed."""

    user_id: str = ""
    email: str = ""
    token: str = ""
    traits: Mapping[str, Any] = field(default_factory=dict[str, Any])


def read_statement(plaintext: bytes) -> Statement:
    """Parse the plaintext. Unknown fields are ignored, null is absent.

    Raises:
        StatementError: not a JSON object, or a field of another type.
    """
    try:
        # A RecursionError is what nesting of thousands of levels gives.
        document: object = json.loads(plaintext)
    except (ValueError, RecursionError) as error:
        raise StatementError("not JSON") from error
    if not isinstance(document, dict):
        raise StatementError("expected a JSON object")
    fields = cast("dict[str, Any]", document)
    traits: object = fields.get("traits") or {}
    if not isinstance(traits, dict):
        raise StatementError("traits: expected an object")
    return Statement(
        user_id=_text(fields, "user_id"),
        email=_text(fields, "email"),
        token=_text(fields, "token"),
        traits=cast("dict[str, Any]", traits),
    )


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise StatementError(f"{name}: expected a string")
    return value


def claimed_facts(statement: Statement) -> tuple[Facts, list[str]]:
    """Return what the page says, and the names of the fields that were not usable."""
    told = {**statement.traits}
    if statement.user_id:
        told["user_id"] = statement.user_id
    else:
        told.pop("user_id", None)
    if statement.email:
        told["email"] = statement.email
    return _facts(told)


def verified_facts(claims: Mapping[str, Any]) -> tuple[Facts, list[str]]:
    """Return what the tenant's server signed, and the names of the claims that were not usable."""
    traits = claims.get("traits")
    told: dict[str, Any] = {**(traits if isinstance(traits, dict) else {}), **claims}
    told["user_id"] = claims["sub"]
    return _facts(told)


def _facts(told: Mapping[str, Any]) -> tuple[Facts, list[str]]:
    email = told.get("email")
    company, company_name = _company(told)
    facts = Facts(
        user_id=_user_id(told.get("user_id")) or None,
        email=(email_of(email) if isinstance(email, str) else "") or None,
        name=_clean(told.get("name"), _MOST_NAME) or None,
        company=company or None,
        company_name=company_name or None,
        ltv=read_money(told.get("ltv"), told.get("currency")),
        # Other plans are the tenant's own words, not mistakes.
        tier=tier_word(told.get("tier")) or tier_word(told.get("plan")),
        plan=_clean(told.get("plan"), _MOST_NAME) or None,
        ids=_ids(told.get("ids")) or None,
    )
    usable = {
        "user_id": facts.user_id,
        "email": facts.email,
        "name": facts.name,
        "company": company or company_name,
        "company_name": company_name,
        "ltv": facts.ltv,
        "ids": facts.ids,
    }
    unusable = [
        name for name, value in usable.items() if not value and told.get(name) not in (None, "")
    ]
    return facts, unusable


def _company(told: Mapping[str, Any]) -> tuple[str, str]:
    """A `company` that nobody can have registered is a name, if no name is told: Node.js."""
    stated = _clean(told.get("company"), _MOST_NAME)
    name = _clean(told.get("company_name"), _MOST_NAME)
    domain = domain_of(stated)
    if registrable(domain) is None:
        domain = ""
    return domain, name or ("" if domain else stated)


def _user_id(value: object) -> str:
    """What a program writes where it knows nobody is no user of the tenant's."""
    stated = _clean(value, _MOST_ID)
    return "" if is_blocked(stated) else stated


def _ids(value: object) -> tuple[tuple[str, str], ...]:
    """The tenant's own ids of the person: {"crm": "123"}, numbers too."""
    if not isinstance(value, dict):
        return ()
    stated = cast("dict[str, Any]", value)
    ids = [
        (name, _clean(str(told) if type(told) is int else told, _MOST_ID))
        for name, told in sorted(stated.items())[:_MOST_IDS]
    ]
    return tuple((name, told) for name, told in ids if told and is_clean(name))


def _clean(value: object, most: int) -> str:
    if not isinstance(value, str):
        return ""
    text = value.strip()
    return text if len(text) <= most and is_clean(text) else ""
