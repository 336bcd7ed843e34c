"""`/q/<token>`: the command that a number in a mail was made with. It shows no data."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.intervention.answering.signed import Signed
from services.intervention.web.page import notice


class QueryPage:
    """Shows what was signed."""

    def __init__(self, queries: Signed) -> None:
        self._queries = queries

    async def show(self, request: Request) -> Response:
        """GET: changes nothing."""
        query = self._queries.read(request.path_params["token"])
        if query is None:
            return notice("Nothing here", "This address leads nowhere.", 404)
        return notice("Where this number comes from", query, 200)
