"""A template, checked and compiled: what it says in each language, for each channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.intervention.templates.document import Button, Plural, TemplateDocument, Words
from services.intervention.templates.escape import ChannelName, literal
from services.intervention.templates.text import TemplateError, Text, Value, locale_of

TypeName = Literal["chat", "discount", "support", "escalation"]
_TYPES: dict[TypeName, pb.InterventionType.ValueType] = {
    "chat": pb.INTERVENTION_TYPE_CHAT,
    "discount": pb.INTERVENTION_TYPE_DISCOUNT,
    "support": pb.INTERVENTION_TYPE_SUPPORT,
    "escalation": pb.INTERVENTION_TYPE_ESCALATION,
}
FOR_ALL = frozenset({"company", "page", "element", "presses", "emotion"})
FOR_TEAM = FOR_ALL | {"feeling", "confidence", "who", "where", "value"}
BOUNDS: dict[str, int] = {"title": 150, "body": 900, "label": 60}
"""Rendered with the longest values: Slack's header takes 150, its buttons 75."""
LONGEST: dict[str, Value] = {
    "company": "a" * 40,
    "page": "/" + "p" * 39,
    "element": "e" * 40,
    "presses": 1_000,
    "emotion": "abandonment",
    "feeling": "ABANDONMENT 100%",
    "confidence": 100,
    "who": "w" * 60,
    "where": "o" * 60,
    "value": "CHF 100,000,000",
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template in one language, escaped for one channel."""

    language: str
    title: str
    body: str
    actions: tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class _Said:
    title: Text
    body: Text
    labels: dict[str, str]


class Template:
    """What one intervention says."""

    def __init__(self, document: TemplateDocument, place: str) -> None:
        """Compile.

        Raises:
            TemplateError: naming `place`, the text and the mend.
        """
        self.type: TypeName = document.type
        self.target: Literal["user", "team", "both"] = document.target
        self.language = document.language
        self._actions = document.actions
        allowed = FOR_TEAM if document.target == "team" else FOR_ALL
        own = Words(title=document.title, body=document.body)
        self._said: dict[str, _Said] = {}
        self._fixed: dict[str, str] = {}
        """What the page shows, by language, where it is the same for everybody."""
        for language, words in {document.language: own, **document.locales}.items():
            where = place if words is own else f"{place}.locales.{language}"
            self._said[_key(language)] = self._say(document, words, language, allowed, where)

    @property
    def kind(self) -> pb.InterventionType.ValueType:
        """The contract's word for the type."""
        return _TYPES[self.type]

    @property
    def languages(self) -> tuple[str, ...]:
        """All it can say itself in, its own first."""
        return tuple(self._said)

    def render(
        self, values: Mapping[str, Value], channel: ChannelName, language: str = ""
    ) -> Rendered:
        """In the reader's language where there is one, else its wider one, else its own."""
        chosen = self._choose(language)
        said = self._said[chosen]
        return Rendered(
            chosen,
            said.title.render(values, channel),
            said.body.render(values, channel),
            tuple(
                Button(one.id, literal(said.labels.get(one.id, one.label), channel), one.url)
                for one in self._actions
            ),
        )

    def payload_json(self, values: Mapping[str, Value], language: str = "") -> str:
        """What the page shows: {title, body, actions}."""
        chosen = self._choose(language)
        known = self._fixed.get(chosen)
        if known is not None:
            return known
        shown = self.render(values, "page", chosen)
        payload = {"title": shown.title, "body": shown.body, "actions": shown.actions}
        found = msgspec.json.encode(payload).decode()
        said = self._said[chosen]
        if said.title.fixed and said.body.fixed:
            self._fixed[chosen] = found
        return found

    def _choose(self, language: str) -> str:
        wanted = _key(language)
        while wanted:
            if wanted in self._said:
                return wanted
            wanted = wanted.rpartition("-")[0]
        return next(iter(self._said))

    def _say(
        self,
        document: TemplateDocument,
        words: Words,
        language: str,
        allowed: frozenset[str],
        place: str,
    ) -> _Said:
        texts: dict[Literal["title", "body"], Text] = {}
        names: tuple[Literal["title", "body"], ...] = ("title", "body")
        for name in names:
            written: str | Plural | None = getattr(words, name)
            if written is None:
                written = getattr(document, name)
            try:
                locale_of(language)
                text = Text(written if written is not None else "", language, allowed)
            except TemplateError as error:
                raise TemplateError(f"{place}.{name}: {error}") from error
            longest = len(text.render(LONGEST, "page"))
            if longest > BOUNDS[name]:
                raise TemplateError(
                    f"{place}.{name}: may become {longest} characters, at most"
                    f" {BOUNDS[name]} fit; shorten it"
                )
            texts[name] = text
        known = {one.id for one in document.actions}
        for button in words.labels:
            if button not in known:
                raise TemplateError(f"{place}.labels.{button}: no such button under actions")
        return _Said(texts["title"], texts["body"], dict(words.labels))


def _key(language: str) -> str:
    return language.replace("_", "-").lower()


@cache
def builtin_templates() -> dict[str, Template]:
    """The templates that ship with the service."""
    body = files("services.intervention.templates").joinpath("builtin.json").read_bytes()
    documents = msgspec.json.decode(body, type=dict[str, TemplateDocument])
    return {name: Template(one, name) for name, one in documents.items()}
