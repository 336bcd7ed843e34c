"""What page paths and tracked events mean for a visitor's goal: see visit.pxd.

Paths are read segment by segment, so that `/cartoons`, `/thanksgiving` and `/checkout-our-sale`
mean nothing. Names of events are read in any spelling: `Checkout Started`, `begin_checkout`,
`InitiateCheckout`. A site whose words are others says what happened with a tracked event.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

CART: Final = 1
CHECKOUT: Final = 2
SUCCESS: Final = 4
SEARCH: Final = 8
SAVED: Final = 16

# Applied to names in snake_case; what something is not stands before what it is.
_EVENTS: Final = (
    (0, r"(^|_)auto_?sav\w*(_|$)|^(un|not_)saved_"),
    (SAVED, r"(^|_)(draft|cart|basket|bag|form|application|quote|order|booking|progress)"
            r"_(saved|parked)(_|$)"
            r"|(^|_)(save|park)_(draft|cart|basket|bag|form|application|quote|order|booking"
            r"|progress)(_|$)"
            r"|(^|_)saved?_for_later(_|$)"),
    (0, r"(^|_)(remov\w*|clear\w*|empt\w*|cancel\w*|fail\w*|declin\w*|abandon\w*|refund\w*|error"
        r"|wish_?list)(_|$)"),
    (CHECKOUT, r"check_?out_(step|option|progress)"),
    (SUCCESS, r"(^|_)(order|purchase|payment|transaction|check_?out|sign_?up|registration"
              r"|subscription|booking|reservation|application|form)_(\w+_)?"
              r"(complete[d]?|success(ful)?|succeeded|confirm(ed|ation)|finish(ed)?|paid|placed|sent"
              r"|submit(ted)?|created)(_|$)"
              r"|^(complete|submit)_(order|purchase|payment|check_?out|sign_?up|registration"
              r"|application|form)$"
              r"|^(purchased?|paid|ordered|sign(ed)?_?up|registered|subscribed?|booked|generate_lead"
              r"|lead|start_trial|trial_started|account_created|user_(registered|signed_up))$"),
    (CHECKOUT, r"check_?out|payment|shipping_(info|method)|delivery_step|place_order"),
    (CART, r"(^|_)(carts?|basket|trolley|product_added|bag_viewed|add_to_bag)(_|$)"),
)  # fmt: skip
_PAGES: Final = (
    (SUCCESS, r"thank-?you|thanks|order-?(complete|completed|confirmed|confirmation|success"
              r"|received|placed)|confirmation|welcome|danke|merci|gracias|grazie"
              r"|(checkout|order|payment|sign-?up|register|booking)/(\S+/)?(success|complete|completed"
              r"|confirmed|done|finish|finished)"),
    (CART, r"(my-?|shopping-?)?(cart|basket|bag|trolley)|warenkorb|panier|carrito|carrello"
           r"|winkel(wagen|mand)"),
    (CHECKOUT, r"check-?outs?|payment|pay|place-?order|kasse|caisse|paiement|afrekenen"),
    (SEARCH, r"search|(search-?)?results|find|suche|recherche|buscar"),
)  # fmt: skip
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_GAP: Final = re.compile(r"[\W_]+")
_event_patterns = tuple((bits, re.compile(text)) for bits, text in _EVENTS)
_page_patterns = tuple(
    (bits, re.compile(rf"(?:^|[/#!])(?:{text})(?=$|[/#?.])")) for bits, text in _PAGES
)


def _first(patterns: tuple[tuple[int, re.Pattern[str]], ...], text: str) -> int:
    return next((bits for bits, pattern in patterns if pattern.search(text)), 0)


@lru_cache(maxsize=4096)
def of_event(name: str) -> int:
    """Return what a tracked event means: CART, CHECKOUT, SUCCESS or 0."""
    return _first(_event_patterns, _GAP.sub("_", _CAMEL.sub("_", name)).lower().strip("_"))


@lru_cache(maxsize=16384)
def of_page(path: str) -> int:
    """Return what a page means, by its path: CART, CHECKOUT, SUCCESS, SEARCH or 0."""
    return _first(_page_patterns, path.lower().replace("_", "-"))
