"""E-mail addresses and host names, as text from anywhere: read, or refused.

RFC 5321 and 5322 without what no mailbox needs: comments, display names and address literals are
refused. Names that are not ASCII are read by UTS #46 and IDNA 2008 (Python's own codec knows 2003).
"""

from __future__ import annotations

import re
from typing import Final

import idna

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label is never all digits, so an IP address is no domain.
_DOMAIN: Final = re.compile(rf"(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{1,59}})")
_MOST_DOMAIN: Final = 253
_MOST_LOCAL: Final = 64
_MOST_ADDRESS: Final = 254
# Far above any of the limits: what is longer is not even looked at.
_MOST_TEXT: Final = 1_024

# RFC 5322 atext, and by RFC 6531 what is not ASCII and can be seen.
_ATOM: Final = r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]|[^\x00-\xa0\u2000-\u200f\u2028-\u202f\ufeff])+"
_DOT_ATOM: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED: Final = re.compile(r'"((?:[ !#-\[\]-~]|[^\x00-\xa0]|\\[ -~])+)"')
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


def ascii_host(host: str) -> str:
    """Return a host name in lower-case ASCII, without the dot at its end; "" if it is none."""
    host = host.strip().removesuffix(".").lower()
    if len(host) > _MOST_TEXT:
        return ""
    if not host.isascii() or "xn--" in host:
        try:
            host = idna.encode(host, uts46=True, std3_rules=True).decode().removesuffix(".")
        except UnicodeError:  # idna.IDNAError is one
            return ""
    return host if len(host) <= _MOST_DOMAIN and _DOMAIN.fullmatch(host) else ""


def domain_of(text: str) -> str:
    """Reduce a domain or a web address to its bare domain, in ASCII; "" if it is neither."""
    text = text.strip()
    host = text.partition("://")[2] or text
    domain = ascii_host(re.split(r"[/?#:]", host, maxsplit=1)[0])
    bare = re.sub(r"^(?:www\.)+", "", domain)
    # Of www.com nothing would be left.
    return bare if _DOMAIN.fullmatch(bare) else domain


def email_of(text: str) -> str:
    """Return an e-mail address with its domain in lower-case ASCII; "" if it is none.

    Quotes go where they quote nothing: `"jane"@acme.example` is jane@acme.example.
    """
    text = text.strip()
    if len(text) > _MOST_TEXT or _SURROGATE.search(text):
        return ""
    local, _, host = text.rpartition("@")
    local, domain = _local_part(local), ascii_host(host) if host == host.strip() else ""
    if not local or not domain or len(local.encode()) > _MOST_LOCAL:
        return ""
    address = f"{local}@{domain}"
    return address if len(address.encode()) <= _MOST_ADDRESS else ""


def _local_part(local: str) -> str:
    """The local part in its shortest form; "" if it is none."""
    if _DOT_ATOM.fullmatch(local):
        return local
    quoted = _QUOTED.fullmatch(local)
    if quoted is None:
        return ""
    content = re.sub(r"\\(.)", r"\1", quoted[1])
    if _DOT_ATOM.fullmatch(content):
        return content
    return '"' + re.sub(r'(["\\])', r"\\\1", content) + '"'
