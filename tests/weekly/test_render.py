"""What a mail says, in HTML and in text: every number leads somewhere, nothing is markup."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from typing import Any, cast

import pytest

from services.accountability.weekly.letter import Letter
from services.accountability.weekly.render import mail_of, render
from tests.weekly.letters import executive_letter, links_for, person_letter

LETTERS = pytest.mark.parametrize(
    "letter", [person_letter(), executive_letter()], ids=["own", "all"]
)


class _Body(HTMLParser):
    """Text outside links, text of links by where they lead, and what figures say."""

    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []
        self.inside: list[tuple[str, str]] = []
        self.figures: list[str] = []
        self._link = ""
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self._link = given.get("href") or ""
        self._style = tag in ("style", "title")
        if given.get("role") == "figure":
            self.figures.append(given.get("aria-label") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._link = ""
        self._style = False

    def handle_data(self, data: str) -> None:
        if self._link:
            self.inside.append((self._link, data.strip()))
        elif not self._style:
            self.outside.append(data)


def body(html: str) -> _Body:
    parsed = _Body()
    # What only the list of mails shows: its number stands in the heading too.
    parsed.feed(re.sub(r'<div style="display:none.*?</div>', "", html))
    return parsed


@LETTERS
def test_every_number_leads_to_its_query(letter: Letter):
    links = links_for(letter)
    found = body(render(letter, links).html)
    left = " ".join(found.outside)
    dates = [letter.days, letter.week, letter.zone, *(item.when for item in letter.missed)]
    labels = [bar.label for chart in letter.charts for bar in chart.bars]
    for said in (*dates, *labels):
        left = left.replace(said, "")
    assert re.findall(r"\d+", left) == []
    leads = {target for target, _ in found.inside}
    assert set(links.queries.values()) <= leads
    told = dict.fromkeys(links.queries.values(), "")
    for target, text in found.inside:
        if target in told:
            told[target] += text
    assert all(re.search(r"\d", text) for text in told.values())


@LETTERS
def test_the_text_says_what_the_html_says(letter: Letter):
    links = links_for(letter)
    rendered = render(letter, links)
    for figure in letter.figures:
        assert f"{figure.text} {figure.meaning}" in rendered.text
    for item in letter.missed:
        assert item.company in rendered.text
    for chart in letter.charts:
        assert chart.title.upper() in rendered.text
    for query in letter.queries():
        assert f"] {query}\n" in rendered.text
    assert links.unsubscribe in rendered.text
    assert "\n\n\n\n" not in rendered.text


@LETTERS
def test_charts_are_said_in_words(letter: Letter):
    found = body(render(letter, links_for(letter)).html)
    assert found.figures == [chart.alt for chart in letter.charts]
    assert "rage 132" in " ".join(found.figures)


@LETTERS
def test_the_mail_has_both_parts_and_one_press_stops_it(letter: Letter):
    links = links_for(letter)
    mail = mail_of(
        letter, render(letter, links), links,
        sender="SentientIQ <weekly@acme.example>", to="dana@acme.example", at_ms=1_795_000_000_000,
    )  # fmt: skip
    parsed = cast("EmailMessage", message_from_bytes(mail.as_bytes(), policy=cast("Any", default)))
    assert parsed.get_content_type() == "multipart/alternative"
    assert not parsed.defects
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    assert all(not part.defects for part in parsed.iter_parts())
    assert parsed["list-unsubscribe"] == f"<{links.unsubscribe}>"
    assert parsed["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    html = parsed.get_body(("html",))
    assert html is not None
    assert letter.headline.text in html.get_content()
    # RFC 5321: no line over 998 bytes.
    assert max(map(len, mail.as_bytes().split(b"\r\n"))) <= 998


def test_the_same_letter_has_the_same_message_id_and_another_another():
    def id_of(letter: Letter) -> str:
        links = links_for(letter)
        rendered = render(letter, links)
        return mail_of(letter, rendered, links, sender="a@b.example", to="c@d.example", at_ms=1)[
            "message-id"
        ]

    letter = person_letter()
    assert id_of(letter) == id_of(person_letter())
    others = [replace(letter, week="2026-W48"), replace(letter, person_id="x"),
              replace(letter, tenant_id="x")]  # fmt: skip
    assert len({id_of(letter), *map(id_of, others)}) == 4


def test_words_of_others_stay_words():
    bad = '<script>alert("x")</script>'
    letter = person_letter()
    letter = replace(
        letter, name=bad, missed=(replace(letter.missed[0], company=bad), *letter.missed[1:])
    )
    rendered = render(letter, links_for(letter))
    assert "<script" not in rendered.html
    assert bad in rendered.text


def test_only_who_can_still_act_is_asked_to():
    letter = person_letter()
    html = render(letter, links_for(letter)).html
    assert html.count(">Act now</a>") == 2


def test_no_money_without_how_it_is_known():
    assert "Cannot tell yet" in render(person_letter(), links_for(person_letter())).html
    told = render(executive_letter(), links_for(executive_letter())).html
    assert "95 % between USD 2,100 and USD 34,700; by a randomised holdout" in told
