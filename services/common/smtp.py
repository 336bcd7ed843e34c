"""Where mail is handed in."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib

_PORTS = {"smtp": 587, "smtps": 465}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and whose it is."""

    host: str
    port: int
    tls: bool
    """From the first byte; otherwise STARTTLS is used where it is offered."""
    user: str
    password: str
    sender: str

    @property
    def complete(self) -> bool:
        """Whether anything can be sent."""
        return bool(self.host and self.sender)

    @property
    def must_encrypt(self) -> bool:
        """A password crosses no network in the clear."""
        return bool(self.user) and self.host not in _LOOPBACK


def read_server(url: str, sender: str) -> MailServer:
    """Read smtp://user:password@host:587 or smtps://…; empty: no mail.

    Raises:
        ValueError: it is none, or the sender is no address.
    """
    if not url:
        return MailServer("", 0, False, "", "", "")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("expected smtp://user:password@host:587 or smtps://user:password@host:465")
    if "@" not in parseaddr(sender)[1] or any(char in sender for char in "\r\n"):
        raise ValueError("the sender must be an address, such as SentientIQ <help@acme.example>")
    return MailServer(
        parts.hostname,
        parts.port or _PORTS[parts.scheme],
        parts.scheme == "smtps",
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        sender,
    )


async def hand_in(server: MailServer, letter: EmailMessage, *, timeout_s: float) -> None:
    """Give a letter to the server.

    Raises:
        aiosmtplib.SMTPException, OSError: it did not take it, or did not say so.
    """
    await aiosmtplib.send(
        letter,
        hostname=server.host,
        port=server.port,
        username=server.user or None,
        password=server.password or None,
        use_tls=server.tls,
        start_tls=True if server.must_encrypt and not server.tls else None,
        tls_context=ssl.create_default_context(),
        timeout=timeout_s,
    )
