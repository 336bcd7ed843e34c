"""E-mail over SMTP: text and HTML, an unsubscribe that works with one press, a stable Message-ID.

A repeated message has the same Message-ID, so a server or reader drops the second; a lost answer
may therefore be repeated.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

import aiosmtplib

from services.common.smtp import MailServer, hand_in
from services.intervention.answering.unsubscribing import Unsubscribing
from services.intervention.channels.message import Message
from services.intervention.channels.verdict import Ending, Verdict

DESTINATION = "smtp"
_TIMEOUT_S = 10.0
_MENDED_BY_US_S = 30.0
# The mailbox does not exist or takes nothing any more (RFC 3463).
_NO_MAILBOX = ("5.1.1", "5.1.2", "5.1.6", "5.1.10", "5.2.1")


class Mail:
    """Hands mail in."""

    def __init__(
        self, server: MailServer, unsubscribing: Unsubscribing, *, timeout_s: float = _TIMEOUT_S
    ) -> None:
        self._server = server
        self._unsubscribing = unsubscribing
        self._timeout_s = timeout_s

    async def deliver(self, message: Message) -> Verdict:
        """Hand it in; the server's codes say what that came to."""
        server = self._server
        if not server.complete:
            return Verdict(Ending.DROP, "smtp_not_configured")
        letter = self.letter(message)
        try:
            await hand_in(server, letter, timeout_s=self._timeout_s)
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _read(error.recipients[0].code, error.recipients[0].message)
        except aiosmtplib.SMTPAuthenticationError as error:
            # Ours to mend, and the operator may mend it while the message still matters.
            return Verdict(Ending.RETRY, f"smtp_{error.code}", "", _MENDED_BY_US_S)
        except aiosmtplib.SMTPResponseException as error:
            return _read(error.code, error.message)
        except (aiosmtplib.SMTPException, OSError) as error:
            return Verdict(Ending.RETRY, f"no_answer:{type(error).__name__}", down=True)
        return Verdict(Ending.SENT, "", letter["message-id"])

    def letter(self, message: Message) -> EmailMessage:
        """The mail as it is sent, the same at every attempt."""
        said: dict[str, str] = json.loads(message.body)
        _, address = parseaddr(self._server.sender)
        link = self._unsubscribing.link(message.tenant_id, message.endpoint_hash)
        letter = EmailMessage(policy=SMTP)
        letter["From"] = self._server.sender
        letter["To"] = message.address
        letter["Subject"] = said["subject"]
        letter["Date"] = format_datetime(datetime.fromtimestamp(message.created_at_ms / 1000, UTC))
        letter["Message-ID"] = f"<{message.id}@{address.rpartition('@')[2]}>"
        letter["List-Unsubscribe"] = f"<{link}>"
        letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(said["text"])
        letter.add_alternative(said["html"], subtype="html")
        return letter


def _read(code: int, text: str) -> Verdict:
    """Class of an SMTP reply: 4xx may succeed later, 5xx never will."""
    detail = f"smtp_{code}"
    if code < 500:
        return Verdict(Ending.RETRY, detail, down=code == 421)
    if text.startswith(_NO_MAILBOX):
        return Verdict(Ending.ENDPOINT_OFF, detail)
    return Verdict(Ending.DROP, detail)
