"""Text made harmless for each channel. What comes from outside passes here, always."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable
from typing import Final, Literal

ChannelName = Literal["page", "slack", "sms", "email", "html", "json"]
Escape = Callable[[str], str]


def plain(text: str, limit: int) -> str:
    """One line for a message: no control characters, no links of a stranger's making, cut short.

    Page, element and names come from outside; a phone turns whatever looks like a URL into a link.
    """
    kept = "".join(
        " " if unicodedata.category(char)[0] in "CZ" else char for char in text[: 4 * limit]
    )
    line = " ".join(kept.replace("://", " ").split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def slack(text: str) -> str:
    """Slack's three; nothing else of mrkdwn can be escaped, and nothing else reaches anybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _as_it_is(text: str) -> str:
    return text


def _one_line(text: str) -> str:
    return plain(text, 400)


# Values lose what could break a line or make a link before the channel's own escape.
ESCAPES: Final[dict[ChannelName, Escape]] = {
    "page": _as_it_is,  # JSON; the page sets text, never markup
    "json": _as_it_is,
    "slack": slack,
    "sms": _as_it_is,
    "email": _as_it_is,  # text/plain and the subject: one line each, since values are
    "html": html.escape,
}


def escaped(value: str, channel: ChannelName) -> str:
    """A value from outside, ready to stand in a text of the channel."""
    return ESCAPES[channel](_one_line(value))


def literal(text: str, channel: ChannelName) -> str:
    """A text of the template's author, ready for the channel."""
    return ESCAPES[channel](text)
