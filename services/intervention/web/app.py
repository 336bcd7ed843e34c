"""The HTTP application: pages, hooks, their files, and headers that leave scripts no room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.intervention.answering.letter_servicer import QUERY_PATH
from services.intervention.answering.unsubscribing import PATH as UNSUBSCRIBE
from services.intervention.web.hooks import TwilioHook
from services.intervention.web.page import IntervenePage, notice
from services.intervention.web.pagerduty_hook import PagerDutyHook
from services.intervention.web.query_page import QueryPage
from services.intervention.web.slack_hook import SlackHook
from services.intervention.web.unsubscribe_hook import UnsubscribeHook

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class SafeHeaders:
    """Adds the headers to every answer. The URL is a secret: no referrer, no index, no cache."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        static = scope["path"].startswith("/static/")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = _POLICY
                headers["referrer-policy"] = "no-referrer"
                headers["x-content-type-options"] = "nosniff"
                headers["x-robots-tag"] = "noindex, nofollow"
                headers["cross-origin-opener-policy"] = "same-origin"
                headers["cross-origin-resource-policy"] = "same-origin"
                headers["cache-control"] = "public, max-age=300" if static else "no-store"
            await send(message)

        await self._app(scope, receive, with_headers)


async def _healthy(_request: Request) -> Response:
    return PlainTextResponse("ok")


async def _not_found(_request: Request, _error: Exception) -> Response:
    return notice("Nothing here", "This address leads nowhere.", 404)


@dataclass(frozen=True, slots=True)
class Hooks:
    """What providers call."""

    twilio: TwilioHook
    slack: SlackHook
    pagerduty: PagerDutyHook
    unsubscribe: UnsubscribeHook

    @property
    def signed(self) -> tuple[TwilioHook | SlackHook | PagerDutyHook, ...]:
        """Those that refuse what no provider signed."""
        return self.twilio, self.slack, self.pagerduty


def build_app(page: IntervenePage, queries: QueryPage, hooks: Hooks) -> Starlette:
    """Put the routes together."""
    return Starlette(
        routes=[
            Route("/healthz", _healthy),
            Route("/i/{token}", page.show, methods=["GET"]),
            Route("/i/{token}/live", page.live, methods=["GET"]),
            Route("/i/{token}/story", page.story, methods=["GET"]),
            Route("/i/{token}/seen", page.seen, methods=["POST"]),
            Route("/i/{token}/act", page.act, methods=["POST"]),
            Route("/i/{token}/undo", page.undo, methods=["POST"]),
            Route("/i/{token}/close", page.close, methods=["POST"]),
            Route(f"{QUERY_PATH}/{{token}}", queries.show, methods=["GET"]),
            Route("/hooks/twilio", hooks.twilio.take, methods=["POST"]),
            Route("/hooks/slack", hooks.slack.take, methods=["POST"]),
            Route("/hooks/pagerduty", hooks.pagerduty.take, methods=["POST"]),
            Route(f"{UNSUBSCRIBE}/{{token}}", hooks.unsubscribe.take, methods=["POST"]),
            Route(f"{UNSUBSCRIBE}/{{token}}", hooks.unsubscribe.show, methods=["GET"]),
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
        ],
        middleware=[Middleware(SafeHeaders)],
        exception_handlers={404: _not_found},
    )
