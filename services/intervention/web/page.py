"""`/i/<token>`: the intervene page. A GET changes nothing and is no sign that anybody looked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from services.common.errors import PermissionDenied, ServiceError, Unavailable
from services.common.http import CLOSE, BadBody
from services.intervention.answering.acting import Acting, AlreadyActed
from services.intervention.answering.links import LinkError
from services.intervention.answering.presence import Pages, Presence
from services.intervention.answering.visiting import Thread, Visit, Visiting
from services.intervention.clock import Clock
from services.intervention.database import needed
from services.intervention.deciding.identities import Identities
from services.intervention.escalation.telling import CLOSING
from services.intervention.store.acts import Act
from services.intervention.web.body import read_json
from services.intervention.web.drawing import HEIGHT, WIDTH
from services.intervention.web.progress import tell
from services.intervention.web.story import Story, build_story
from services.intervention.web.view import build_view

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_SAME_SITE = {"same-origin", "none"}
_DEAD_LINKS = {
    "expired": (
        "This link has expired",
        "Links work for a day. Newer messages have newer links; if you are still needed, whoever is"
        " on it now can hand it over to you.",
    ),
    "revoked": (
        "This link has been closed",
        "It was closed on its page, or you are not on this team any more. A colleague can hand it"
        " over to you anew.",
    ),
    "foreign": (
        "This link is for somebody else",
        "Each person has a link of their own. Ask them to hand it over to you: you then get yours.",
    ),
    "gone": ("Nothing here any more", "What this link led to has been deleted. Nothing to do."),
    "broken": (
        "This link does not work",
        "It was cut or changed on its way. Open it straight from the message, or copy all of it.",
    ),
}


class IntervenePage:
    """The page's routes."""

    def __init__(
        self, visiting: Visiting, acting: Acting, identities: Identities, pages: Pages, clock: Clock
    ) -> None:
        self._visiting = visiting
        self._acting = acting
        self._identities = identities
        self._pages = pages
        self._clock = clock

    async def show(self, request: Request) -> Response:
        """GET: the page."""
        try:
            with needed():
                visit = await self._visit(request)
                acts = await self._acting.done(visit)
                thread = await self._visiting.thread(visit)
                names = await self._visiting.names(visit)
        except LinkError as error:
            return notice(*_DEAD_LINKS[error.why], 410)
        except Unavailable:
            return notice(
                "One moment", "We cannot open this right now. Please try again in a minute.", 503
            )
        identity = await self._who(visit)
        story = build_story(thread, acts, names)
        html = _templates.get_template("intervene.html").render(
            view=build_view(visit.decision, thread.newest.emotion, identity, visit.why),
            known=identity is not None,
            state=await self._state(visit, thread, acts, story.episodes, names),
            colleagues=[
                (self._visiting.tag(one.person_id), one.name or one.role, one.role)
                for one in await self._visiting.colleagues(visit)
            ],
            **_drawn(story),
        )
        return HTMLResponse(html)

    async def story(self, request: Request) -> Response:
        """GET: what happened so far, for a page that is open."""
        try:
            with needed():
                visit = await self._visit(request)
                names = await self._visiting.names(visit)
                thread = await self._visiting.thread(visit)
                story = build_story(thread, await self._acting.done(visit), names)
        except (LinkError, ServiceError) as error:
            return _refuse(error)
        return HTMLResponse(_templates.get_template("story.html").render(**_drawn(story)))

    async def live(self, request: Request) -> Response:
        """GET: is the visitor still there, and how far did the acts come?"""
        try:
            with needed():
                visit = await self._visit(request)
                acts = await self._acting.done(visit)
                names = await self._visiting.names(visit)
                thread = await self._visiting.thread(visit)
        except (LinkError, ServiceError) as error:
            return _refuse(error)
        episodes = build_story(thread, acts, names).episodes
        return JSONResponse(await self._state(visit, thread, acts, episodes, names))

    async def seen(self, request: Request) -> Response:
        """POST: the page is visible to a person; answers with a nonce to act with."""
        try:
            _same_site(request)
            with needed():
                visit = await self._visit(request)
                nonce = await self._acting.see(visit)
        except (LinkError, ServiceError) as error:
            return _refuse(error)
        return JSONResponse({"nonce": nonce})

    async def act(self, request: Request) -> Response:
        """POST: do it, once; a second time answers 409 and tells what was done."""
        try:
            _same_site(request)
            body = await read_json(request)
            with needed():
                visit = await self._visit(request)
                acted = await self._acting.act(
                    visit,
                    str(body.get("act", "")),
                    str(body.get("nonce", "")),
                    str(body.get("to", "")),
                )
                nonce = await self._acting.permit(visit)
        except AlreadyActed as error:
            done = tell(error.act, {}, self._clock()).as_json()
            return JSONResponse({"error": str(error), "done": done}, status_code=409)
        except BadBody as error:
            return JSONResponse({"error": str(error)}, error.status, CLOSE)
        except (LinkError, ServiceError) as error:
            return _refuse(error)
        done = tell(acted.act, await self._visiting.names(visit), self._clock()).as_json()
        return JSONResponse({"done": done, "reached": acted.reached, "nonce": nonce})

    async def undo(self, request: Request) -> Response:
        """POST: take an act back that nobody has felt yet."""
        try:
            _same_site(request)
            body = await read_json(request)
            with needed():
                visit = await self._visit(request)
                await self._acting.undo(visit, str(body.get("id", "")), str(body.get("nonce", "")))
                nonce = await self._acting.permit(visit)
        except BadBody as error:
            return JSONResponse({"error": str(error)}, error.status, CLOSE)
        except (LinkError, ServiceError) as error:
            return _refuse(error)
        return JSONResponse({"nonce": nonce})

    async def close(self, request: Request) -> Response:
        """POST: this link leads here no more."""
        try:
            _same_site(request)
            body = await read_json(request)
            with needed():
                visit = await self._visit(request)
                await self._acting.close(visit, str(body.get("nonce", "")))
        except BadBody as error:
            return JSONResponse({"error": str(error)}, error.status, CLOSE)
        except (LinkError, ServiceError) as error:
            return _refuse(error)
        return JSONResponse({"closed": True})

    async def _visit(self, request: Request) -> Visit:
        return await self._visiting.visit(request.path_params["token"])

    async def _state(
        self,
        visit: Visit,
        thread: Thread,
        acts: list[Act],
        episodes: int,
        names: Mapping[str, str],
    ) -> dict[str, Any]:
        """What changes while the page is open."""
        now_ms = self._clock()
        _, presence = await self._pages.locate(visit.decision.tenant_id, thread.sessions)
        told = [tell(act, names, now_ms).as_json() for act in acts]
        round_ = await self._acting.round(visit)
        stand = [one for one in acts if not one.undone and one.round == round_]
        return {
            **_presence(presence, now_ms),
            "acts": told,
            "episodes": episodes,
            "closed": any(one.act in CLOSING for one in stand),
            "given": [one.act for one in stand if one.act != "hand_over"],
        }

    async def _who(self, visit: Visit) -> identity_pb2.UserIdentity | None:
        decision = visit.decision
        try:
            return await self._identities.resolve(decision.tenant_id, decision.session_id)
        except Unavailable:
            return None


def notice(title: str, text: str, status: int, *, button: str = "") -> Response:
    """A page that only says something; with a button it posts to its own address."""
    html = _templates.get_template("notice.html").render(title=title, text=text, button=button)
    return HTMLResponse(html, status_code=status)


def _drawn(story: Story) -> dict[str, Any]:
    return {"story": story, "width": WIDTH, "height": HEIGHT}


def _presence(presence: Presence | None, now_ms: int) -> dict[str, Any]:
    if presence is None:
        return {"here": None, "visible": None, "left_ms": None}
    left = max(0, now_ms - presence.left_at_ms) if presence.left_at_ms else None
    return {
        "here": presence.streams > 0,
        "visible": presence.visible_at_ms > 0,
        "left_ms": left,
    }


def _same_site(request: Request) -> None:
    """Refuse what another site makes a browser send."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in _SAME_SITE:
        raise PermissionDenied("acting is only possible from the page itself")


_STATUSES = {
    "INVALID_ARGUMENT": 400,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "FAILED_PRECONDITION": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
}


def _refuse(error: LinkError | ServiceError) -> Response:
    status = 410 if isinstance(error, LinkError) else _STATUSES.get(error.code, 500)
    return JSONResponse({"error": str(error)}, status_code=status)
