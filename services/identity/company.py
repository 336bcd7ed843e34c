"""Which company: a domain the tenant states, else that of the e-mail address."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label is never all digits, so an IP address is no domain.
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{1,59}})")
_LOCAL_PART = re.compile(r"[^\s@\x00-\x1f\x7f\ud800-\udfff]{1,64}")
_MOST = 253


@cache
def free_mail() -> frozenset[str]:
    """Domains where anybody gets an address: they say nothing about a company."""
    text = (
        resources.files("services.identity").joinpath("free_mail.json").read_text(encoding="utf-8")
    )
    return frozenset(json.loads(text))


def _in_ascii(host: str) -> str:
    """Return a host name in lower-case ASCII; "" if it is none."""
    host = host.strip().lower().rstrip(".")
    if len(host) > _MOST:
        return ""
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            return ""
    return host if len(host) <= _MOST and _DOMAIN.fullmatch(host) else ""


def domain_of(text: str) -> str:
    """Reduce a domain or a web address to its bare domain, in ASCII; "" if it is neither."""
    text = text.strip()
    host = text.partition("://")[2] or text
    return _in_ascii(re.split(r"[/?#:]", host, maxsplit=1)[0]).removeprefix("www.")


def email_of(text: str) -> str:
    """Return an e-mail address with its domain in lower-case ASCII; "" if it is none."""
    local, _, domain = text.strip().rpartition("@")
    bare = _in_ascii(domain)
    return f"{local}@{bare}" if bare and _LOCAL_PART.fullmatch(local) else ""


def company_of(stated: str | None, email: str | None) -> str:
    """Return the company's domain: the stated one, else the e-mail's; "" for free-mail and none."""
    candidates = (stated or "", domain_of(email.rpartition("@")[2]) if email else "")
    for domain in candidates:
        if domain and domain not in free_mail():
            return domain
    return ""
