"""Text from outside: what PostgreSQL and protobuf can hold, and people can read."""

from __future__ import annotations

import re

# Control characters (NUL is refused by PostgreSQL) and lone surrogates (no UTF-8 for them).
_UNCLEAN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def is_clean(text: str) -> bool:
    """Tell whether a text holds no control characters and can be encoded."""
    return _UNCLEAN.search(text) is None
