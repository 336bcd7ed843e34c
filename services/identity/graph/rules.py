"""What may join a tenant's sessions: the `graph` document.

    {"window_days": 30, "by_browser": true, "ids": ["crm", "billing"],
     "most": {"visitor": 100, "email": 20, "id": 5}, "blocked": ["demo-user"]}

All of it may be left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import msgspec

_DAY_MS: Final = 24 * 3_600_000
_MOST_DAYS: Final = 365
_MOST_IDS: Final = 10
_MOST_BLOCKED: Final = 10_000
_MOST_VALUES: Final = 100_000
_NAME: Final = re.compile(r"[a-z0-9_]{1,32}")

VISITOR: Final = "visitor"
EMAIL: Final = "email"
ID: Final = "id"
_MOST: Final = {VISITOR: 100, EMAIL: 20, ID: 5}


class GraphError(ValueError):
    """The document cannot be used; names the field, and says what would mend it."""


@dataclass(frozen=True, slots=True)
class GraphRules:
    """Which identifiers join, and how far."""

    window_ms: int = 30 * _DAY_MS
    """How far apart two sessions of one browser may be."""
    by_browser: bool = True
    """Whether a session that names nobody may be taken for the browser's only user."""
    ids: tuple[str, ...] = ()
    """Names of the tenant's own ids, the weightiest first; others do not count."""
    most: dict[str, int] = field(default_factory=lambda: dict(_MOST))
    """How many values of a kind a user may have. Who has more is no single person."""
    blocked: frozenset[str] = frozenset()

    def most_of(self, kind: str) -> int:
        """How many values of the kind ("visitor", "email", "id:…") a user may have."""
        return self.most[kind.partition(":")[0]]


NO_RULES: Final = GraphRules()


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    window_days: int = 30
    by_browser: bool = True
    ids: list[str] = []
    most: dict[str, int] = {}
    blocked: list[str] = []


def parse_rules(body: bytes) -> GraphRules:
    """Read a document as it is stored.

    Raises:
        GraphError: naming the field.
    """
    try:
        found = msgspec.json.decode(body, type=_Document)
    except msgspec.ValidationError as error:
        names = ", ".join(_Document.__struct_fields__)
        raise GraphError(f"{error} (the keys are {names})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise GraphError(f"expected JSON: {error}") from error
    if not 0 <= found.window_days <= _MOST_DAYS:
        raise GraphError(f"window_days: expected 0 to {_MOST_DAYS}, was {found.window_days}")
    if len(found.ids) > _MOST_IDS or len(set(found.ids)) < len(found.ids):
        raise GraphError(f"ids: expected at most {_MOST_IDS}, each once")
    for name in found.ids:
        if not _NAME.fullmatch(name):
            raise GraphError(f"ids: expected lower-case letters, digits and '_', was {name!r}")
    for kind, most in found.most.items():
        if kind not in _MOST:
            raise GraphError(f"most.{kind}: the keys are {', '.join(_MOST)}")
        if not 1 <= most <= _MOST_VALUES:
            raise GraphError(f"most.{kind}: expected 1 to {_MOST_VALUES}, was {most}")
    if len(found.blocked) > _MOST_BLOCKED:
        raise GraphError(f"blocked: expected at most {_MOST_BLOCKED}")
    return GraphRules(
        found.window_days * _DAY_MS,
        found.by_browser,
        tuple(found.ids),
        {**_MOST, **found.most},
        frozenset(" ".join(value.split()).lower() for value in found.blocked),
    )
