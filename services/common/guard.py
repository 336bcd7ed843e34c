"""Refuse customers' URLs that reach into a private network; call the address that was checked.

The name is resolved once; every address must be public; the connection goes to that very address
(a second look-up could answer otherwise), with TLS still verified against the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_RESOLVE_TIMEOUT_S = 2.0
_PORTS = {"http": 80, "https": 443}
# Global by the registry or to older Pythons, but they carry an IPv4 address, lead through a relay,
# or are for documentation.
_TUNNELS = tuple(
    ipaddress.IPv6Network(net)
    for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "3fff::/20")
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_BENCHMARK_AND_RELAY = tuple(
    ipaddress.IPv4Network(net) for net in ("192.88.99.0/24", "198.18.0.0/15")
)


class RefusedUrl(Exception):
    """The URL may not be called; the message says why and what to change."""


class UnresolvedUrl(Exception):
    """The name did not resolve, perhaps only now."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect, and what to say there."""

    url: str
    """The URL with the checked address in place of the name."""
    host_header: str
    tls_name: str


def is_public(address: Address) -> bool:
    """Tell whether an address is on the open Internet."""
    if isinstance(address, ipaddress.IPv6Address):
        return (
            address in _GLOBAL_UNICAST
            and address.is_global
            and not any(address in net for net in _TUNNELS)
        )
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in net for net in _BENCHMARK_AND_RELAY)
    )


class Guard:
    """Checks customers' URLs.

    `allowed_private_hosts` are host:port pairs that may be private all the same, for try-outs and
    for receivers inside the operator's own network.
    """

    def __init__(self, allowed_private_hosts: tuple[str, ...] = ()) -> None:
        self._allowed = frozenset(host.lower() for host in allowed_private_hosts)

    async def check(self, url: str) -> Target:
        """Resolve and check.

        Raises:
            RefusedUrl: the form or the address is not acceptable.
            UnresolvedUrl: the name has no address at the moment.
        """
        host, port, scheme = _split(url)
        name = f"[{host}]" if ":" in host else host
        allowed = f"{name}:{port}" in self._allowed
        if scheme != "https" and not allowed:
            raise RefusedUrl("the URL must use https")
        addresses = await _resolve(host, port)
        if not allowed:
            for address in addresses:
                if not is_public(address):
                    raise RefusedUrl(
                        f"{host} leads to {address}, which is not public; "
                        f"list {name}:{port} in SIQ_ALLOWED_PRIVATE_HOSTS if that is meant"
                    )
        address = addresses[0]
        literal = f"[{address}]" if address.version == 6 else str(address)
        parts = urlsplit(url)
        pinned = parts._replace(netloc=f"{literal}:{port}", fragment="")
        host_header = name if port == _PORTS[scheme] else f"{name}:{port}"
        return Target(pinned.geturl(), host_header, host)


def destination_of(url: str) -> str:
    """host:port of a URL, "invalid" where there is none: what is rated and counted as one place."""
    try:
        host, port, _scheme = _split(url)
    except RefusedUrl:
        return "invalid"
    return f"{host}:{port}"


def _split(url: str) -> tuple[str, int, str]:
    if any(ord(char) <= 32 or ord(char) == 127 or char == "\\" for char in url):
        raise RefusedUrl("the URL contains blanks, control characters or backslashes")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise RefusedUrl(f"the URL is malformed: {error}") from error
    if parts.scheme not in _PORTS:
        raise RefusedUrl("the URL must start with https://")
    if not host:
        raise RefusedUrl("the URL names no host")
    if "@" in parts.netloc:
        raise RefusedUrl("the URL may not carry a user or password")
    if "%" in host:
        raise RefusedUrl("the host may not carry a zone or escapes")
    if port == 0:
        raise RefusedUrl("port 0 is no port")
    return host, port or _PORTS[parts.scheme], parts.scheme


async def _resolve(host: str, port: int) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_RESOLVE_TIMEOUT_S):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError) as error:
        raise UnresolvedUrl(f"{host} does not resolve") from error
    addresses = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
    if not addresses:
        raise UnresolvedUrl(f"{host} has no address")
    return addresses
