"""What calls say about people, in the words of an identify of ours, and whose session it is.

Identity reads user_id, email, name, company, company_name, ltv, currency, tier and plan; the rest
of the traits is sealed along and read by nobody yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from edge.segment.calls import Call, Unusable
from services.common.ids import stable_id

SLOT_MS = 30 * 60 * 1000


def session_of(tenant: str, person: str, stated_ms: int) -> str:
    """The session: the person's half hour, by UTC. Every worker derives the same."""
    return stable_id("segment", tenant, person, stated_ms // SLOT_MS)


def visitor_of(tenant: str, person: str) -> str:
    """What all of a person's sessions have in common, though each half hour is one of its own."""
    return stable_id("segment visitor", tenant, person)


def identify(call: Call) -> tuple[dict[str, Any], str | None]:
    """The statement of an identify, and what of it was left out.

    Raises:
        Unusable: no_traits, if it tells nothing of anybody.
    """
    traits = dict(call.traits or {})
    email = traits.pop("email", None)
    if not call.user and not traits and not email:
        raise Unusable("no_traits")
    if not traits.get("name"):
        names = (traits.get("firstName"), traits.get("lastName"))
        if name := " ".join(part for part in names if isinstance(part, str) and part):
            traits["name"] = name
    company = traits.get("company")
    if isinstance(company, dict):
        del traits["company"]
        traits |= _company(cast("dict[str, Any]", company), "")
    without = None
    if email is not None and not isinstance(email, str):
        email, without = None, "bad_email"
    return {"user_id": call.user or None, "email": email, "traits": traits}, without


def group(call: Call) -> dict[str, Any]:
    """The statement of a group: whose company it is.

    Raises:
        Unusable: no_traits, if it names no company.
    """
    told = _company(call.traits or {}, "" if call.group_id is None else str(call.group_id))
    if not told:
        raise Unusable("no_traits")
    return {"user_id": call.user or None, "traits": told}


def alias(call: Call) -> dict[str, Any]:
    """The statement of an alias: who somebody turned out to be.

    Raises:
        Unusable: no_id, without the new id.
    """
    if not call.user:
        raise Unusable("no_id")
    return {"user_id": call.user, "traits": {"previousId": call.person}}


def _company(told: Mapping[str, Any], group_id: str) -> dict[str, Any]:
    """Company traits in identity's words. It takes a web address for a domain, and the rest for a
    name, so an id that is a domain serves where nothing better is told."""
    domain = told.get("domain") or told.get("website") or told.get("url")
    stated = {
        "company": domain or group_id or told.get("id"),
        "company_name": told.get("name"),
        "plan": told.get("plan"),
    }
    return {name: value for name, value in stated.items() if isinstance(value, str) and value}
