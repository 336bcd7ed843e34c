"""A template as it is written. A changed text is a new version, never an edit."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

# One line: a title becomes the subject of an e-mail, where a second line would be a header.
_ONE_LINE = r"^[^\x00-\x1f\x7f]*$"
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=_ONE_LINE)]
Body = Annotated[str, msgspec.Meta(max_length=600)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=_ONE_LINE)]
Locale = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2,3}([_-][A-Za-z0-9]{2,8})*$")]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Plural(_Part, frozen=True, kw_only=True):
    """A text that depends on a number, in CLDR's categories; `other` serves for those left out."""

    by: Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,32}$")]
    other: Body
    zero: Body | None = None
    one: Body | None = None
    two: Body | None = None
    few: Body | None = None
    many: Body | None = None


class Button(_Part, frozen=True):
    """A button. A link goes to https or to a path of the same site, never to a script."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,32}$")]
    label: Label
    url: Annotated[str, msgspec.Meta(pattern=r"^(https://|/(?![/\\])).{0,500}$")] | None = None


class Words(_Part, frozen=True, kw_only=True):
    """A template's texts in one more language; what is left out stays as it is."""

    title: Line | Plural | None = None
    body: Body | Plural | None = None
    labels: dict[str, Label] = {}
    """By the button's id."""


class TemplateDocument(_Part, frozen=True):
    """The content of one intervention.

    Texts may hold `{company}`, `{page}`, `{element}`, `{presses}`, `{emotion}`; for the team also
    `{feeling}`, `{confidence}`, `{who}`, `{where}`, `{value}`.
    """

    type: Literal["chat", "discount", "support", "escalation"]
    title: Line | Plural
    body: Body | Plural = ""
    actions: Annotated[tuple[Button, ...], msgspec.Meta(max_length=3)] = ()
    target: Literal["user", "team", "both"] = "user"
    language: Locale = "en"
    locales: Annotated[dict[Locale, Words], msgspec.Meta(max_length=50)] = {}
