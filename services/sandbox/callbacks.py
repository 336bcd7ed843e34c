"""Report what became of a text message, as Twilio does. Only to this machine."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any
from urllib.parse import urlsplit

import httpx

from services.common import logs
from services.sandbox.twilio import API_VERSION, sign

_PAUSE_S = 0.05
_ATTEMPTS = 5
_log = logs.get(__name__)


def is_loopback(url: str) -> bool:
    """Tell whether a URL stays on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https"):
            return False
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Callbacks:
    """Posts `sent` and then `delivered`, signed with the caller's own token."""

    def __init__(self) -> None:
        self.client = httpx.AsyncClient(timeout=5.0, trust_env=False)
        self._tasks: set[asyncio.Task[None]] = set()
        self.failures = 0
        self.refused = 0

    def report(self, url: str, auth_token: str, resource: dict[str, Any]) -> None:
        """Start reporting; the answer to the create does not wait for it."""
        if not is_loopback(url):
            self.refused += 1
            _log.warning("status callback refused: nothing leaves this machine")
            return
        task = asyncio.create_task(self._run(url, auth_token, resource))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Drop what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.aclose()

    async def _run(self, url: str, auth_token: str, resource: dict[str, Any]) -> None:
        for status in ("sent", "delivered"):
            await asyncio.sleep(_PAUSE_S)
            resource["status"] = status
            form = {
                "AccountSid": str(resource["account_sid"]),
                "ApiVersion": API_VERSION,
                "From": str(resource["from"] or ""),
                "MessageSid": str(resource["sid"]),
                "MessageStatus": status,
                "SmsSid": str(resource["sid"]),
                "SmsStatus": status,
                "To": str(resource["to"]),
            }
            await self._post(url, form, sign(auth_token, url, form))

    async def _post(self, url: str, form: dict[str, str], signature: str) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                answer = await self.client.post(
                    url, data=form, headers={"x-twilio-signature": signature}
                )
            except httpx.HTTPError as error:
                _log.warning("status callback not delivered", error=repr(error))
            else:
                if answer.status_code < 500:
                    if answer.status_code >= 400:
                        self.failures += 1
                        _log.warning("status callback refused", status=answer.status_code)
                    return
            await asyncio.sleep(_PAUSE_S * 2**attempt)
        self.failures += 1
