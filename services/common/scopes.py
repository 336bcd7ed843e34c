"""What a bearer token is good for, where it says so: areas of RPCs, to read or to write.

A scope is an area, a colon and "read", "write" or "*": `identity:read`. The area is the second word
of the RPC's package, and its name says whether it reads. A token without scopes may do whatever its
role may.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from services.common.errors import InvalidArgument

AREAS: Final = (
    *("identity", "tenant", "detection", "intervention", "accountability", "analytics"),
)
_WAYS: Final = ("read", "write", "*")
_READS: Final = re.compile(
    r"(Get|List|Watch|Resolve|BatchResolve|Explain|Query|Export|Run|Tail|Check)"
)
_METHOD: Final = re.compile(r"/sentientiq\.(\w+)\.v\d+\.\w+/(\w+)")


def scope_of(method: str) -> str:
    """The scope that an RPC needs: "/sentientiq.identity.v1.IdentityService/Resolve" reads."""
    found = _METHOD.fullmatch(method)
    if found is None:
        return "none"
    return f"{found[1]}:{'read' if _READS.match(found[2]) else 'write'}"


def allowed(scopes: Collection[str] | None, method: str) -> bool:
    """Tell whether a token with these scopes may call an RPC; None: it has no scopes."""
    if scopes is None:
        return True
    needed = scope_of(method)
    return needed in scopes or f"{needed.partition(':')[0]}:*" in scopes


def read_scopes(field: str, stated: Collection[str]) -> list[str]:
    """Check scopes that somebody asks for; in order, each once.

    Raises:
        InvalidArgument: one of them is none.
    """
    for scope in stated:
        area, _, way = scope.partition(":")
        if area not in AREAS or way not in _WAYS:
            raise InvalidArgument(
                f"{field}: expected an area ({', '.join(AREAS)}), a colon and read, write or *,"
                f" was {scope[:64]!r}"
            )
    return sorted(set(stated))


def covered(scopes: Collection[str], by: Collection[str] | None) -> bool:
    """Tell whether a token with scopes `by` may hand out these."""
    if by is None:
        return True
    return bool(scopes) and all(
        scope in by or f"{scope.partition(':')[0]}:*" in by for scope in scopes
    )
