"""Who answers for what a connection sends: an IPv4 address, or the /64 of an IPv6 one.

Whoever has one IPv6 address has the 2^64 of its network, so the network is what counts. Behind
proxies the address is one that they wrote into X-Forwarded-For. Each appends whom it heard, so the
header is read from the right, and only as far as those who wrote are trusted: what stands further
left anybody can have sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

FORWARDED = "X-Forwarded-For"
_WITH_PORT = re.compile(r"\[([^]]*)\](?::\d{1,5})?|([^:]*):\d{1,5}", re.ASCII)

Address = IPv4Address | IPv6Address


def networks(texts: Iterable[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks from CIDRs; an address alone is a network of one.

    Raises:
        ValueError: naming the first that is none, or has bits beyond its prefix.
    """
    return tuple(ip_network(text) for text in texts)


class Sources:
    """Names who is behind a connection, for the limits."""

    def __init__(self, trusted: Iterable[str]) -> None:
        """`trusted`: the CIDRs of proxies whose X-Forwarded-For is believed."""
        self._trusted = networks(trusted)
        self.unbelieved = 0
        """Connections and requests with X-Forwarded-For of a peer that is not trusted."""

    def of(self, peer: str, forwarded: Iterable[str]) -> str:
        """The source behind `peer`, who sent these X-Forwarded-For headers."""
        try:
            address = _address(peer)
        except ValueError:
            return peer  # a local socket's
        written = [part for header in forwarded for part in header.split(",")]
        if not self._trusts(address):
            self.unbelieved += bool(written)
            return _name(address)
        nearest = address
        for text in reversed(written):
            try:
                nearest = _address(text.strip())
            except ValueError:
                return _name(address)
            if not self._trusts(nearest):
                break
        return _name(nearest)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _address(text: str) -> Address:
    """An address, where some proxies write the port along; of IPv4 in IPv6, the IPv4 one.

    Raises:
        ValueError: it is none.
    """
    with_port = _WITH_PORT.fullmatch(text)
    host = (with_port[1] or with_port[2] or "") if with_port else text
    address = ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _name(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"
