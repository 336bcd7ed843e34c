"""Which company a visitor belongs to: what the tenant states, else what the e-mail address says."""

from __future__ import annotations

from dataclasses import replace

from services.identity.company.address import ascii_host
from services.identity.company.classify import Finding, Kind, classify, names_of
from services.identity.company.rules import NO_RULES, Rules
from services.identity.company.suffix import registrable


def company_of(
    stated: str | None, email: str | None, name: str | None = None, rules: Rules = NO_RULES
) -> Finding:
    """Judge the company that is stated, and if it is none the e-mail address.

    Args:
        stated: a domain.
        email: an address.
        name: the company's name, for tenants that list theirs.
        rules: what the tenant has put right.
    """
    stated = stated or rules.names.get((name or "").strip().casefold(), "")
    first = judge(stated, rules) if stated else Finding()
    if first.kind.is_organisation or not email:
        return first
    second = judge(email.rpartition("@")[2], rules)
    # Of two that are none, the address says more about who this is.
    return second if second.kind is not Kind.NONE or not stated else first


def judge(domain: str, rules: Rules = NO_RULES) -> Finding:
    """Judge one domain: by the tenant's rules, else by the lists."""
    host = ascii_host(domain)
    name = registrable(host) if host else None
    found = classify(host)
    for part in names_of(host, name) if name else ():
        if part in rules.not_companies:
            return Finding(reason=f"the tenant says that {part} is no company")
        if company := rules.companies.get(part):
            parent = classify(company).parent
            found = Finding(Kind.COMPANY, company, parent, f"the tenant says so of {part}")
            break
    owner = rules.parents.get(found.company)
    return found if owner is None else replace(found, parent=owner)
