"""Takes mail by SMTP and shows it in the inbox. Whoever it is for, nothing leaves this machine.

The server is aiosmtpd, which comes with `sentientiq[embedded]` and is loaded only where the sandbox
is told to listen for mail.
"""

from __future__ import annotations

import asyncio
import time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from services.common.settings import SettingsError
from services.sandbox.inbox import Inbox

_MAX_BYTES = 1024 * 1024
_HEADERS = ("message-id", "list-unsubscribe", "list-unsubscribe-post")


class MailIntake:
    """An SMTP server on one address."""

    def __init__(self, inbox: Inbox, listen: str) -> None:
        self._inbox = inbox
        self._listen = listen
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen.

        Raises:
            SettingsError: the SMTP server is not installed, or the address is not free.
        """
        try:
            from aiosmtpd.smtp import SMTP
        except ImportError as error:
            raise SettingsError(
                "SIQ_SMTP_LISTEN needs an SMTP server: pip install 'sentientiq[embedded]'"
            ) from error
        loop = asyncio.get_running_loop()
        host, _, port = self._listen.rpartition(":")

        def protocol() -> SMTP:
            return SMTP(self, hostname="sandbox", loop=loop, data_size_limit=_MAX_BYTES)

        try:
            self._server = await loop.create_server(protocol, host.strip("[]"), int(port))
        except (OSError, ValueError) as error:
            raise SettingsError(f"SIQ_SMTP_LISTEN is not usable: {error}") from error
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Keep a mail once for each recipient, as each would have got it."""
        letter: Any = message_from_bytes(envelope.content, policy=default)
        details = {
            "subject": str(letter["subject"] or ""),
            "html": _part(letter, "html"),
            "headers": {name: str(letter[name]) for name in _HEADERS if letter[name]},
        }
        for recipient in envelope.rcpt_tos:
            self._inbox.add(
                "email",
                to=recipient,
                sender=str(letter["from"] or envelope.mail_from),
                body=_part(letter, "plain"),
                received_at_ms=time.time() * 1000,
                details=dict(details),
            )
        return "250 OK"


def _part(letter: EmailMessage, kind: str) -> str:
    """The text of a mail in one form; empty where it has none."""
    found: Any = letter.get_body((kind,))
    return "" if found is None else str(found.get_content())
