"""`/hooks/unsubscribe/{token}`: no more mails to an address, with one press (RFC 8058).

Only the POST does it: whoever scans mails for bad links follows them with a GET.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from services.common.errors import Unavailable
from services.intervention.answering.unsubscribing import Unsubscribing
from services.intervention.clock import Clock
from services.intervention.database import needed
from services.intervention.store import messages
from services.intervention.web.page import notice


class UnsubscribeHook:
    """Takes the presses of mail readers."""

    def __init__(self, pool: Any, unsubscribing: Unsubscribing, clock: Clock) -> None:
        self._pool = pool
        self._unsubscribing = unsubscribing
        self._clock = clock

    async def take(self, request: Request) -> Response:
        """POST: the address is off from now on; a second time changes nothing."""
        named = self._unsubscribing.read(request.path_params["token"])
        if named is None:
            return PlainTextResponse("this link is none of ours", 404)
        try:
            with needed():
                await messages.turn_off(
                    self._pool, *named, reason="unsubscribed", now_ms=self._clock()
                )
        except Unavailable:
            return PlainTextResponse("try again", 503)
        return notice("Unsubscribed", "No more of these mails will come to this address.", 200)

    async def show(self, request: Request) -> Response:
        """GET: changes nothing."""
        if self._unsubscribing.read(request.path_params["token"]) is None:
            return notice("Nothing here", "This address leads nowhere.", 404)
        return notice(
            "Stop these mails",
            "None will come to this address any more.",
            200,
            button="Stop them",
        )
