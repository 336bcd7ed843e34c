"""`/q/<token>` shows a command that was signed, and nothing else."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from services.intervention.answering.signed import Signed
from services.intervention.web.query_page import QueryPage

SIGNED = Signed("a-secret-of-this-test", "query")
COMMAND = "sentientiq report emotions_daily --tenant 'a<b>' --zone Europe/Berlin"


async def get(token: str) -> httpx.Response:
    app = Starlette(routes=[Route("/q/{token}", QueryPage(SIGNED).show)])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://help.test") as client:
        return await client.get(f"/q/{token}")


async def test_a_signed_command_is_shown_as_text():
    answer = await get(SIGNED.token(COMMAND))
    assert answer.status_code == 200
    assert "sentientiq report emotions_daily --tenant" in answer.text
    assert "<b>" not in answer.text


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "é",
        SIGNED.token(COMMAND)[:-1],
        Signed("a-secret-of-this-test", "unsubscribe").token(COMMAND),
        Signed("another-secret", "query").token(COMMAND),
    ],
)
async def test_what_was_not_signed_for_this_leads_nowhere(token: str):
    assert (await get(token)).status_code == 404
