"""Templates: what ships, languages and plurals, and what no value can break."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intervention.templates.document import TemplateDocument
from services.intervention.templates.sms import size
from services.intervention.templates.template import LONGEST, Template, builtin_templates
from services.intervention.templates.text import TemplateError

CHANNELS = ("page", "slack", "sms", "email", "html", "json")


def template(**more: Any) -> Template:
    written = {"type": "support", "title": "T", "body": "", **more}
    return Template(msgspec.convert(written, TemplateDocument), "x@1")


def test_at_least_twelve_ship_of_all_types_for_all() -> None:
    shipped = builtin_templates().values()
    assert len(shipped) >= 12
    assert Counter(one.type for one in shipped).keys() == {
        "chat", "discount", "support", "escalation",
    }  # fmt: skip
    assert Counter(one.target for one in shipped).keys() == {"user", "team", "both"}
    for one in shipped:
        for language in one.languages:
            said = one.render(LONGEST, "page", language)
            assert said.language == language
            assert said.title


@pytest.mark.parametrize(
    ("language", "presses", "title"),
    [
        ("en", 1, "It did not answer"),
        ("en-GB", 1_200, "1,200 tries, and no answer"),
        ("de-AT", 1_200, "1.200 Versuche und keine Antwort"),
        ("pl", 1, "1 próba bez odpowiedzi"),
        ("pl_PL", 3, "3 próby bez odpowiedzi"),
        ("pl", 5, "5 prób bez odpowiedzi"),
        ("pl", 22, "22 próby bez odpowiedzi"),
        ("xx", 2, "2 tries, and no answer"),
        ("", 2, "2 tries, and no answer"),
        ("../../etc", 2, "2 tries, and no answer"),
    ],
)
def test_language_and_plural(language: str, presses: int, title: str) -> None:
    still_stuck = builtin_templates()["still_stuck@1"]
    assert still_stuck.render({"presses": presses}, "page", language).title == title


def test_a_locale_says_only_what_differs() -> None:
    made = template(
        title="Hello", body="Body", actions=[{"id": "go", "label": "Go"}],
        locales={"de": {"title": "Hallo"}},
    )  # fmt: skip
    said = made.render({}, "page", "de")
    assert (said.title, said.body, [one.label for one in said.actions]) == ("Hallo", "Body", ["Go"])


def test_what_is_the_same_for_everybody_is_made_once_and_nothing_else_is() -> None:
    mixed = template(
        title="Hello", body="Help for {company}",
        locales={"de": {"title": "Hallo", "body": "Hilfe"}, "fr": {"title": "Salut"}},
    )  # fmt: skip
    for company, language, title, body in [
        ("a", "en", "Hello", "Help for a"),
        ("b", "en", "Hello", "Help for b"),
        ("a", "de", "Hallo", "Hilfe"),
        ("b", "de-AT", "Hallo", "Hilfe"),
        ("a", "fr", "Salut", "Help for a"),
        ("b", "fr", "Salut", "Help for b"),
    ]:
        shown = json.loads(mixed.payload_json({"company": company}, language))
        assert (shown["title"], shown["body"]) == (title, body)


NASTY = "<script>*b* & {x}\r\nBcc: a@b\x00 https://evil.example/"


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("html", "&lt;script&gt;*b* &amp; {x} Bcc: a@b https evil.example/"),
        ("slack", "&lt;script&gt;*b* &amp; {x} Bcc: a@b https evil.example/"),
        ("sms", "<script>*b* & {x} Bcc: a@b https evil.example/"),
        ("email", "<script>*b* & {x} Bcc: a@b https evil.example/"),
        ("page", "<script>*b* & {x} Bcc: a@b https evil.example/"),
    ],
)
def test_each_channel_escapes_what_it_would_read(channel: Any, expected: str) -> None:
    made = template(title="{company}")
    assert made.render({"company": NASTY}, channel).title == expected


@given(st.text(max_size=300), st.sampled_from(CHANNELS))
def test_no_value_breaks_a_line_or_a_payload(value: str, channel: Any) -> None:
    made = template(title="At {company}", body="<b> {page} </b>")
    said = made.render({"company": value, "page": value}, channel)
    assert said.title.isprintable() or not value.isprintable()
    assert not set(said.title) & set("\r\n\x00")
    if channel == "html":
        assert "<" not in said.title + said.body
    if channel == "slack":
        assert "<" not in said.title
    payload = json.loads(made.payload_json({"company": value, "page": value}))
    assert payload.keys() == {"title", "body", "actions"}


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"title": "Hi {name}"}, "x@1.title: {name} is not known here"),
        ({"body": "Worth {value}"}, "x@1.body: {value} is not known here"),
        ({"title": "Hi {company"}, "x@1.title: a brace stands alone"),
        ({"title": {"by": "page", "other": "x"}}, "x@1.title: by: 'page' is no number"),
        ({"language": "qq"}, "x@1.title: 'qq' is no locale"),
        ({"locales": {"de": {"title": "{nix}"}}}, "x@1.locales.de.title: {nix}"),
        ({"locales": {"de": {"labels": {"go": "Los"}}}}, "x@1.locales.de.labels.go"),
        ({"title": "{page}" * 4}, "x@1.title: may become 160 characters, at most 150 fit"),
    ],
)
def test_what_cannot_be_said_is_refused_when_it_is_read(written: Any, says: str) -> None:
    with pytest.raises(TemplateError) as caught:
        template(**written)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("title", ["", "a\nb", "a\x00", "x" * 121])
def test_a_title_is_one_short_line(title: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        template(title=title)


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        # An escape and what it escapes stay together: 76 pairs fit into 153, not 76.5.
        ("€" * 153, "GSM-7", 306, 3),
        ("é" * 160, "GSM-7", 160, 1),
        ("·" * 70, "UCS-2", 70, 1),
        ("·" * 71, "UCS-2", 71, 2),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 67, "UCS-2", 134, 3),
    ],
)
def test_segments_of_a_text(text: str, encoding: str, units: int, segments: int) -> None:
    taken = size(text)
    assert (taken.encoding, taken.units, taken.segments) == (encoding, units, segments)
