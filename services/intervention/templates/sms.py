"""How many segments a text message takes: GSM 03.38 where it fits, UCS-2 where not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWICE = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True, slots=True)
class Size:
    """What a message costs."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int


def size(text: str) -> Size:
    """Measure a text: septets or UTF-16 units, and segments."""
    if all(char in _BASIC or char in _TWICE for char in text):
        units = sum(2 if char in _TWICE else 1 for char in text)
        return Size("GSM-7", units, 1 if units <= 160 else _packed(text, 153, gsm=True))
    units = len(text.encode("utf-16-le")) // 2
    return Size("UCS-2", units, 1 if units <= 70 else _packed(text, 67, gsm=False))


def _packed(text: str, room: int, *, gsm: bool) -> int:
    """Segments; no escape pair and no surrogate pair is cut in two."""
    segments, used = 1, 0
    for char in text:
        width = (2 if char in _TWICE else 1) if gsm else len(char.encode("utf-16-le")) // 2
        if used + width > room:
            segments, used = segments + 1, 0
        used += width
    return segments
