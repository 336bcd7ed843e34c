"""A letter as HTML and text, and both as a mail.

Charts are bars of table cells, not pictures: readers that block images, and those that show no SVG,
show them all the same, and dark mode recolours them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.accountability.weekly.letter import Letter
from services.accountability.weekly.sources import Links
from services.common.ids import stable_id

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_SOFT: Final = "font-size:14.5px;line-height:1.4;color:#5f5c68;"
_FINE: Final = "font-size:13px;line-height:1.45;color:#5f5c68;"
_H2: Final = (
    "margin:26px 0 12px;padding-top:20px;border-top:1px solid #e7e3dd;font-size:17px;"
    "letter-spacing:-.01em;font-weight:680;color:#16151a;"
)
_STYLES: Final = {
    "big": "font-size:30px;font-weight:720;letter-spacing:-.02em;color:#16151a;"
    "text-decoration:underline;text-decoration-thickness:1px;text-underline-offset:5px;",
    "count": "font-size:14.5px;font-weight:650;color:#16151a;text-decoration:underline;"
    "text-decoration-thickness:1px;text-underline-offset:3px;white-space:nowrap;",
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """Both bodies and the subject."""

    subject: str
    html: str
    text: str


def render(letter: Letter, links: Links) -> Rendered:
    """Fill in the templates."""
    what = "The week" if letter.executive else "What you missed"
    subject = f"{what}, {letter.days}"
    given = {
        "letter": letter,
        "subject": subject,
        "decisions": {
            item.decision_id: links.decisions[item.decision_id]
            for item in letter.missed
            if item.can_act and item.decision_id in links.decisions
        },
        "queries": links.queries,
        "unsubscribe": links.unsubscribe,
        "place": {query: number for number, query in enumerate(letter.queries(), 1)},
        "styles": _STYLES,
        "soft": _SOFT,
        "fine": _FINE,
        "h2": _H2,
    }
    return Rendered(
        subject,
        _templates.get_template("letter.html").render(given).lstrip(),
        _templates.get_template("letter.txt").render(given),
    )


def mail_of(
    letter: Letter, rendered: Rendered, links: Links, *, sender: str, to: str, at_ms: int
) -> EmailMessage:
    """The mail, with the same Message-ID at every attempt: a second one is dropped by readers."""
    _, address = parseaddr(sender)
    id_ = stable_id("weekly", letter.tenant_id, letter.person_id, letter.week)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = rendered.subject
    mail["Date"] = format_datetime(datetime.fromtimestamp(at_ms / 1000, UTC))
    mail["Message-ID"] = f"<{id_}@{address.rpartition('@')[2]}>"
    mail["List-Unsubscribe"] = f"<{links.unsubscribe}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail["List-Id"] = f"Weekly <weekly.{address.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(rendered.text)
    mail.add_alternative(rendered.html, subtype="html")
    return mail
