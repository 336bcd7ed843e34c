"""Replies to presses in Slack, to a server that is slow: in the order of the presses."""

from __future__ import annotations

import asyncio
import json
import time

import msgspec
from sentientiq.intervention.v1 import intervention_pb2 as pb
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cli.up.ports import free_port
from services.common import postgres
from services.common.auth import make_token
from services.common.channels import connect
from services.common.http import HttpServer
from services.common.http_client import Http
from services.intervention.answering.acknowledging import Acknowledging
from services.intervention.answering.links import Links
from services.intervention.answering.slack_reply import SlackReplies
from services.intervention.answering.visiting import Visit, Visiting
from services.intervention.clock import wall_ms
from services.intervention.deciding.people import People
from services.intervention.service import MIGRATIONS, SCHEMA
from tests.integration.intervention_line import MESH, Directory


async def test_a_slow_reply_is_not_overtaken_by_the_next_press(postgres_url: str) -> None:
    arrived, second = list[str](), asyncio.Event()

    async def take(request: Request) -> Response:
        said: str = json.loads(await request.body())["text"].partition(" by ")[0]
        if said == "Acknowledged":
            # Slow: whoever may overtake has the time to.
            try:
                async with asyncio.timeout(0.5):
                    await second.wait()
            except TimeoutError:
                pass
        else:
            second.set()
        arrived.append(said)
        return PlainTextResponse("ok")

    server = HttpServer(Starlette(routes=[Route("/r", take, methods=["POST"])]), "127.0.0.1:0")
    await server.start()
    await postgres.migrate(postgres_url, SCHEMA, MIGRATIONS)
    pool = await postgres.connect(postgres_url, schema=SCHEMA, max_size=2)
    port = free_port()
    directory = await Directory().serve(port)
    channel = connect(f"127.0.0.1:{port}", make_token(MESH, subject="test"))
    visiting = Visiting(pool, Links(MESH), People(channel, monotonic=time.monotonic), wall_ms)
    acknowledging = Acknowledging(pool, wall_ms, committed=lambda: None)
    http, host = Http(), f"127.0.0.1:{server.port}"
    replies = SlackReplies(http, visiting, acknowledging, wall_ms, allowed_private_hosts=(host,))
    visit = Visit(pb.Decision(id="d" * 32, tenant_id="t"), "p", "first")
    for action in ("acknowledge", "done"):
        pressed = {"response_url": f"http://{host}/r", "actions": [{"action_id": action}]}
        await replies.start(msgspec.json.encode(pressed), visit, action)
    await replies.close()
    assert arrived == ["Acknowledged", "Done"]
    assert replies.ends == {"sent": 2, "failed": 0, "refused": 0}
    for one in (http, channel, pool):
        await one.close()
    await server.stop()
    await directory.stop(None)
