"""What page paths and tracked events mean for a visitor's goal: see visit.pxd."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

CART: Final = 1
CHECKOUT: Final = 2
SUCCESS: Final = 4
SEARCH: Final = 8

# The names of e-commerce events as analytics libraries spell them, and paths as shops do.
_EVENTS: Final = (
    (SUCCESS, r"(order|purchase|payment|checkout|sign(ed)?.?up|registration|subscription|booking)"
              r".*(complete|success|confirm|finish|paid)|^(purchase[ds]?|paid|signed.?up|subscribed|"
              r"order.?placed|account.?created|form.?submitted)$"),
    (CHECKOUT, r"checkout|payment|shipping.?info|delivery.?step"),
    (CART, r"cart|basket|bag.?viewed"),
)  # fmt: skip
_PAGES: Final = (
    (SUCCESS, r"thank.?you|thanks|order.?(complete|confirm|success|received)|confirmation|welcome"),
    (CHECKOUT, r"check.?out|payment|billing"),
    (CART, r"cart|basket|\bbag\b"),
    (SEARCH, r"search|results"),
)
_NEVER: Final = re.compile(r"remov|clear|empt|cancel|fail|abandon", re.IGNORECASE)
_event_patterns = tuple((bits, re.compile(text, re.IGNORECASE)) for bits, text in _EVENTS)
_page_patterns = tuple((bits, re.compile(text, re.IGNORECASE)) for bits, text in _PAGES)


@lru_cache(maxsize=16384)
def _first(patterns: tuple[tuple[int, re.Pattern[str]], ...], text: str) -> int:
    return next((bits for bits, pattern in patterns if pattern.search(text)), 0)


def of_event(name: str) -> int:
    """Return what a tracked event means: CART, CHECKOUT, SUCCESS or 0."""
    return 0 if _NEVER.search(name) else _first(_event_patterns, name)


def of_page(path: str) -> int:
    """Return what a page means, by its path: CART, CHECKOUT, SUCCESS, SEARCH or 0."""
    return _first(_page_patterns, path)
