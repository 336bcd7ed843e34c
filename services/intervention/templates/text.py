"""Texts with placeholders and plurals, compiled once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from babel import Locale
from babel.core import UnknownLocaleError
from babel.numbers import format_decimal

from services.intervention.templates.document import Plural
from services.intervention.templates.escape import ChannelName, escaped, literal

Value = str | int
NUMBERS = frozenset({"presses", "confidence"})
_PLACE = re.compile(r"\{([^{}]*)\}")
_CATEGORIES = ("zero", "one", "two", "few", "many")


class TemplateError(Exception):
    """A template cannot be used; the message names the place and the mend."""


@lru_cache(maxsize=256)
def locale_of(name: str) -> Locale:
    """CLDR's data of a locale.

    Raises:
        TemplateError: there is none of that name.
    """
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError) as error:
        raise TemplateError(f"{name!r} is no locale; use for example de or pt-BR") from error


class Text:
    """One text in one language."""

    def __init__(self, written: str | Plural, language: str, allowed: frozenset[str]) -> None:
        """Raises:
        TemplateError: an unknown placeholder or language, or a stray brace.
        """
        self._locale = locale_of(language)
        self._by = ""
        if isinstance(written, Plural):
            if written.by not in NUMBERS & allowed:
                raise TemplateError(f"by: {written.by!r} is no number; use presses")
            self._by = written.by
            forms: dict[str, str | None] = {name: getattr(written, name) for name in _CATEGORIES}
            self._forms = {name: _pieces(form, allowed) for name, form in forms.items() if form}
            self._other = _pieces(written.other, allowed)
        else:
            self._forms = {}
            self._other = _pieces(written, allowed)

    @property
    def fixed(self) -> bool:
        """Whether it says the same whatever the values are."""
        return not self._by and len(self._other) == 1

    def render(self, values: Mapping[str, Value], channel: ChannelName) -> str:
        """The text for a channel; values are escaped, a missing one stays away."""
        pieces = self._other
        if self._by:
            number = values.get(self._by, 0)
            category = self._locale.plural_form(number if isinstance(number, int) else 0)
            pieces = self._forms.get(category, self._other)
        shown: list[str] = []
        for index, piece in enumerate(pieces):
            if index % 2 == 0:
                shown.append(literal(piece, channel))
                continue
            value = values.get(piece, "")
            if isinstance(value, int):
                value = format_decimal(value, locale=self._locale)
            shown.append(escaped(value, channel))
        return "".join(shown)


def _pieces(text: str, allowed: frozenset[str]) -> tuple[str, ...]:
    """Literal texts and placeholders by turns, a literal first."""
    pieces = tuple(_PLACE.split(text))
    for index, piece in enumerate(pieces):
        if index % 2 and piece not in allowed:
            raise TemplateError(
                f"{{{piece}}} is not known here; use one of"
                f" {', '.join(f'{{{name}}}' for name in sorted(allowed))}"
            )
        if index % 2 == 0 and ("{" in piece or "}" in piece):
            raise TemplateError("a brace stands alone; write placeholders as {company}")
    return pieces
