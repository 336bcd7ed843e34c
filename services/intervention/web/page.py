"""`/i/<token>`: the intervene page. A GET changes nothing and is no sign that anybody looked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from services.common.errors import NotFound, PermissionDenied, ServiceError, Unavailable
from services.common.http import CLOSE, BadBody
from services.intervention.acting import Acting, AlreadyActed, Visit
from services.intervention.database import needed
from services.intervention.identities import Identities
from services.intervention.links import LinkError
from services.intervention.presence import Pages
from services.intervention.store.acts import Act
from services.intervention.web.body import read_json
from services.intervention.web.view import build_view

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_SAME_SITE = {"same-origin", "none"}


class IntervenePage:
    """The page's four routes."""

    def __init__(self, acting: Acting, identities: Identities, pages: Pages) -> None:
        self._acting = acting
        self._identities = identities
        self._pages = pages

    async def show(self, request: Request) -> Response:
        """GET: the page."""
        try:
            with needed():
                visit = await self._visit(request)
                done = await self._acting.done(visit)
        except LinkError as error:
            return notice("This link does not work", str(error), 410)
        except NotFound as error:
            return notice("Nothing here", str(error), 404)
        except Unavailable:
            return notice(
                "One moment", "We cannot open this right now. Please try again in a minute.", 503
            )
        identity = await self._who(visit)
        html = _templates.get_template("intervene.html").render(
            view=build_view(visit.decision, identity),
            known=identity is not None,
            done=_told(*done) if done else None,
        )
        return HTMLResponse(html)

    async def live(self, request: Request) -> Response:
        """GET: is the visitor still there, and how far did the act come?"""
        try:
            with needed():
                visit = await self._visit(request)
                done = await self._acting.done(visit)
        except (LinkError, ServiceError) as error:
            return _refuse(error)
        presence = await self._pages.find(visit.decision.tenant_id, visit.decision.session_id)
        return JSONResponse(
            {
                "here": None if presence is None else presence.streams > 0,
                "visible": None if presence is None else presence.visible_at_ms > 0,
                "done": _told(*done) if done else None,
            }
        )

    async def seen(self, request: Request) -> Response:
        """POST: the page is visible to a person; answers with a nonce to act with."""
        try:
            _same_site(request)
            with needed():
                visit = await self._visit(request)
                nonce = await self._acting.see(visit)
                done = await self._acting.done(visit)
        except (LinkError, ServiceError) as error:
            return _refuse(error)
        return JSONResponse({"nonce": nonce, "done": _told(*done) if done else None})

    async def act(self, request: Request) -> Response:
        """POST: do it, once; a second time answers 409 and tells what was done."""
        try:
            _same_site(request)
            body = await read_json(request)
            with needed():
                visit = await self._visit(request)
                acted = await self._acting.act(
                    visit, str(body.get("act", "")), str(body.get("nonce", ""))
                )
        except AlreadyActed as error:
            return JSONResponse(
                {"error": str(error), "done": _told(error.act, None)}, status_code=409
            )
        except BadBody as error:
            return JSONResponse({"error": str(error)}, error.status, CLOSE)
        except (LinkError, ServiceError) as error:
            return _refuse(error)
        state = "pending" if acted.act.intervention_id else None
        return JSONResponse({"done": _told(acted.act, state), "reached": acted.reached})

    async def _visit(self, request: Request) -> Visit:
        return await self._acting.visit(request.path_params["token"])

    async def _who(self, visit: Visit) -> identity_pb2.UserIdentity | None:
        decision = visit.decision
        try:
            return await self._identities.resolve(decision.tenant_id, decision.session_id)
        except Unavailable:
            return None


def notice(title: str, text: str, status: int) -> Response:
    """A page that only says something."""
    html = _templates.get_template("notice.html").render(title=title, text=text)
    return HTMLResponse(html, status_code=status)


def _told(act: Act, state: str | None) -> dict[str, Any]:
    return {"act": act.act, "at_ms": act.acted_at_ms, "state": state}


def _same_site(request: Request) -> None:
    """Refuse what another site makes a browser send."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in _SAME_SITE:
        raise PermissionDenied("acting is only possible from the page itself")


_STATUSES = {
    "INVALID_ARGUMENT": 400,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
}


def _refuse(error: LinkError | ServiceError) -> Response:
    status = 410 if isinstance(error, LinkError) else _STATUSES.get(error.code, 500)
    return JSONResponse({"error": str(error)}, status_code=status)
