"""Checks of what callers ask: each field that is wrong is named, with the mend."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from services.accountability.decoding import MOST_NOTE
from services.accountability.records import Key
from services.common.errors import InvalidArgument

DEFAULT_PAGE = 100
LARGEST_PAGE = 1000
_MOST_WORD = 200


def require_tenant(tenant_id: str) -> str:
    """The tenant's name."""
    if not tenant_id:
        raise InvalidArgument("tenant_id is empty: name the tenant")
    return text("tenant_id", tenant_id)


def require_key(tenant_id: str, decision_id: str) -> Key:
    """Which recommendation."""
    require_tenant(tenant_id)
    if not decision_id:
        raise InvalidArgument("decision_id is empty: name the decision")
    return Key(tenant_id, text("decision_id", decision_id))


def require_person(field: str, person_id: str) -> str:
    """Somebody of the team."""
    if not person_id:
        raise InvalidArgument(f"{field} is empty: name the person")
    return text(field, person_id)


def text(field: str, value: str, most: int = _MOST_WORD) -> str:
    """Any text that can be stored."""
    if len(value) > most or "\x00" in value:
        raise InvalidArgument(f"{field}: expected at most {most} characters, and no NUL")
    return value


def note(value: str) -> str:
    """What a person wrote."""
    return text("note", value, MOST_NOTE)


def period(since_ms: int, until_ms: int) -> None:
    """Two moments, 0 for no bound."""
    if since_ms < 0 or until_ms < 0 or (until_ms and until_ms <= since_ms):
        raise InvalidArgument(
            f"since_ms={since_ms}, until_ms={until_ms}: expected Unix epoch milliseconds with"
            " until_ms after since_ms, or 0 for no bound"
        )


def page_size(asked: int) -> int:
    """How many of a page."""
    size = asked or DEFAULT_PAGE
    if size > LARGEST_PAGE:
        raise InvalidArgument(f"page_size is {size}: ask for at most {LARGEST_PAGE}")
    return size


def page_token(decided_at_ms: int, decision_id: str) -> str:
    """Where the next page begins."""
    return urlsafe_b64encode(f"{decided_at_ms}:{decision_id}".encode()).decode()


def read_page_token(token: str) -> tuple[int, str] | None:
    """What `page_token` made; None for the first page."""
    if not token:
        return None
    try:
        moment, colon, decision_id = urlsafe_b64decode(token.encode()).decode().partition(":")
        decided_at_ms = int(moment)
    except ValueError as error:
        raise InvalidArgument(
            "page_token is none of ours: pass next_page_token of the last response unchanged"
        ) from error
    if not colon or not 0 <= decided_at_ms < 1 << 53 or "\x00" in decision_id:
        raise InvalidArgument("page_token is none of ours: begin again without one")
    return decided_at_ms, decision_id
