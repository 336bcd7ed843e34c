"""Segment's API on real edge workers, a real log and a real identity service."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from segment.analytics.client import Client
from sentientiq.identity.v1 import identity_service_pb2 as identity
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant

from edge.segment.people import session_of
from tests.documents import ROOT, fenced
from tests.engines.fixtures import Engines
from tests.integration.identity_service import until
from tests.integration.segment_line import TENANT, Line, running_line

pytestmark = pytest.mark.asyncio(loop_scope="module")

NODE_LIBRARY = ROOT / "tests" / "segment"
MADE = NODE_LIBRARY / "node_modules" / "@segment" / "analytics-node"
TRACK, PAGE_VIEW = 21, 1
NO_POINTER = 3


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def line(
    postgres_url: str, log_url: str, state_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Line]:
    urls = {"SIQ_POSTGRES_URL": postgres_url, "SIQ_LOG_URL": log_url, "SIQ_STATE_URL": state_url}
    async with running_line(urls, tmp_path_factory.mktemp("segment")) as started:
        yield started


def somebody() -> str:
    """A person whom no other test knows."""
    return f"u-{uuid.uuid4().hex}"


async def arrived_once(line: Line, person: str, before: str) -> None:
    """What both libraries send in their tests: each call is one record, and identity knows."""
    events = await line.events(person)
    assert [event[0] for _, event in events] == [TRACK, PAGE_VIEW]
    (track, bought), (page, seen) = events
    assert bought[2:] == ["Order Completed", {"total": 12.5}]
    assert seen[2:4] == ["/pricing", 0]
    assert (page.page, page.pointer, track.pointer) == ("/pricing", NO_POINTER, NO_POINTER)
    assert {batch.seq for batch, _ in events} == {1}
    assert abs(time.time() * 1000 - track.t0_ms) < 60_000
    said = await line.identifies(person)
    assert len(said) == 2  # identify and group
    assert not any(b"dana" in message.SerializeToString() for message in said)
    assert len(await line.identifies(before)) == 1  # alias
    known = await line.resolved(person)
    async with asyncio.timeout(20):
        while not (known.email and known.company_name):
            await asyncio.sleep(0.1)
            known = await line.resolved(person)
    assert (known.user_id, known.email) == (person, "dana@globex.example")
    assert (known.company, known.company_name) == ("globex.example", "Globex")
    assert (await line.resolved(before)).user_id == person


@pytest.mark.parametrize("packed", [False, True])
async def test_the_python_library(line: Line, packed: bool):
    person, before, failures = somebody(), somebody(), list[Exception]()

    def failed(error: Exception, _: list[Any]) -> None:
        failures.append(error)

    client: Any = Client(
        line.key,
        host=line.urls[0],
        gzip=packed,
        on_error=failed,
        max_retries=1,
    )
    client.identify(person, {"email": "dana@globex.example", "name": "Dana Reyes"})
    client.track(person, "Order Completed", {"total": 12.5})
    client.page(person, "Shop", "Pricing", {"url": "https://shop.example/pricing?coupon=x"})
    client.group(person, "g-1", {"name": "Globex", "website": "https://www.globex.example/"})
    client.alias(before, person)
    await asyncio.to_thread(client.flush)
    await asyncio.to_thread(client.join)
    assert failures == []
    await arrived_once(line, person, before)


@pytest.mark.skipif(not shutil.which("node"), reason="node is not there")
@pytest.mark.skipif(not MADE.exists(), reason="npm has not installed tests/segment: make setup")
async def test_the_node_library(line: Line):
    person, before = somebody(), somebody()
    program = await asyncio.create_subprocess_exec(
        *("node", str(NODE_LIBRARY / "send.cjs"), line.urls[0], line.key, person, before),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        out, _ = await program.communicate()
    assert (program.returncode, out.decode()) == (0, "")
    await arrived_once(line, person, before)


def call(person: str, **more: Any) -> dict[str, Any]:
    """A track that says when it happened."""
    return {
        "type": "track",
        "event": "Ping",
        "userId": person,
        "messageId": uuid.uuid4().hex,
        "timestamp": datetime.now(UTC).isoformat(),
        **more,
    }


async def test_a_message_that_comes_again_is_taken_once(line: Line):
    person = somebody()
    again = call(person)
    first = await line.post("batch", {"batch": [again]})
    second = await line.post("batch", {"batch": [call(person), again, again]})
    assert first.json() == {"success": True}
    assert second.json() == {"success": True, "ignored": {"duplicate": 2}}
    assert len(await line.events(person)) == 2


async def test_what_is_said_in_one_half_hour_holds_in_the_others(line: Line):
    person = somebody()
    earlier = datetime.now(UTC) - timedelta(hours=3)
    await line.post("track", {"anonymousId": person, "event": "A", "timestamp": str(earlier)})
    named = {"anonymousId": person, "userId": f"{person}@site", "traits": {"plan": "growth"}}
    await line.post("identify", named)
    await line.resolved(person)
    session = session_of(TENANT, person, int(earlier.timestamp() * 1000))

    async def known() -> bool:
        return (await line.resolve(session)).user_id == f"{person}@site"

    await until(known)
    found = await line.resolve(session)
    assert (found.assurance, found.joined_by) == (identity.ASSURANCE_INFERRED, "visitor")


async def test_another_worker_makes_the_same_record_of_it(line: Line):
    """So that the log's readers, who know a record by these four, take it once."""
    person = somebody()
    other = await line.start_edge()
    first, second = call(person), call(person, type="identify", traits={"plan": "growth"})
    assert (await line.post("batch", {"batch": [first, second]})).status_code == 200
    assert (await line.post("batch", {"batch": [second, first]}, url=other)).status_code == 200
    for records in (
        [batch for batch, _ in await line.events(person)],
        await line.identifies(person),
    ):
        names = {(r.tenant_id, r.session_id, r.stream_id, r.seq) for r in records}
        assert (len(records), len(names)) == (2, 1)
        assert next(iter(names))[3] == 1


async def test_the_clients_clock_is_set_right(line: Line):
    person = somebody()
    now = datetime.now(UTC)
    ahead = timedelta(minutes=3)
    sent = {
        "batch": [call(person, timestamp=(now + ahead - timedelta(seconds=20)).isoformat())],
        "sentAt": (now + ahead).isoformat(),
    }
    assert (await line.post("batch", sent)).status_code == 200
    ((batch, _),) = await line.events(person)
    assert abs(batch.t0_ms - (now.timestamp() * 1000 - 20_000)) < 10_000


async def test_single_calls_and_what_they_lack(line: Line):
    person = somebody()
    for path, body, ignored in (
        ("track", {"event": "Ping"}, {}),
        ("screen", {"name": "Settings"}, {}),
        ("track", {}, {"no_name": 1}),
        ("page", {}, {"no_page": 1}),
        ("identify", {"traits": {"email": 5}}, {"bad_email": 1}),
        ("track", {"event": "Ping", "timestamp": "yesterday"}, {"bad_timestamp": 1}),
        ("track", {"event": "Ping", "properties": {"a": "x" * 3000}}, {"long_props": 1}),
    ):
        answer = await line.post(path, {"userId": person, **body})
        assert answer.status_code == 200, answer.text
        assert answer.json().get("ignored", {}) == ignored, path
    told = [event[2:] for _, event in await line.events(person)]
    assert told == [["Ping"], ["Settings", 0], ["Ping"], ["Ping"]]


async def test_a_page_of_the_keys_own_origin_may_send_too(line: Line):
    ours = {"Origin": "https://shop.example"}
    assert (await line.post("track", call(somebody()), headers=ours)).json() == {"success": True}


async def test_h50_what_cannot_be_used_is_counted_and_the_rest_taken(line: Line):
    person = somebody()
    calls = [
        call(person),
        5,
        {"type": "track", "event": "Ping"},
        call(person, type="dance"),
        call(person, properties=7),
        call(person, event="x" * 600),
    ]
    answer = await line.post("batch", {"batch": calls})
    assert (answer.status_code, answer.json()["ignored"]) == (
        200,
        {"bad_event": 2, "no_id": 1, "unknown_type": 1, "bad_string": 1},
    )
    assert len(await line.events(person)) == 1


async def test_h51_too_many_events_a_second_are_told_to_wait(line: Line):
    key = await line.new_key()
    answers = [await line.post("batch", {"batch": [{}] * 2500}, key=key) for _ in range(8)]
    assert [answer.status_code for answer in answers][:4] == [200] * 4
    refused = next(answer for answer in answers if answer.status_code != 200)
    assert (refused.status_code, int(refused.headers["Retry-After"]) >= 1) == (429, True)
    assert (await line.post("track", call(somebody()))).status_code == 200


async def test_h52_nothing_is_answered_200_before_the_log_has_it(line: Line, engines: Engines):
    person = somebody()
    body = {"batch": [call(person)]}
    assert engines.log.pid is not None
    os.kill(engines.log.pid, signal.SIGSTOP)
    try:
        answer = await line.post("batch", body)
    finally:
        os.kill(engines.log.pid, signal.SIGCONT)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    async with asyncio.timeout(20):
        while (again := await line.post("batch", body)).status_code == 503:
            pass
    assert again.json() == {"success": True, "ignored": {"duplicate": 1}}
    names = {(b.session_id, b.stream_id, b.seq) for b, _ in await line.events(person)}
    assert len(names) == 1


async def test_h53_a_revoked_key(line: Line):
    key = await line.new_key()
    assert (await line.post("track", call(somebody()), key=key)).status_code == 200
    await line.tenants.RevokeKey(tenant.RevokeKeyRequest(tenant_id="acme", key=key))
    async with asyncio.timeout(10):
        while (await line.post("track", call(somebody()), key=key)).status_code != 401:
            await asyncio.sleep(0.2)


async def test_the_curl_of_the_document(line: Line):
    (command,) = fenced(ROOT / "docs" / "segment.md", "sh")
    person = somebody()
    command = command.replace("u-17", person).replace("pk_live_…", line.key)
    command = re.sub(r"https://edge\.your-site\.example", line.urls[0], command)
    program = await asyncio.create_subprocess_exec(
        *("bash", "-ec", command), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await program.communicate()
    (promised,) = fenced(ROOT / "docs" / "segment.md", "json")
    assert json.loads(out) == json.loads(promised)
    assert [event[2] for _, event in await line.events(person)] == ["Order Completed"]


async def test_the_key_may_stand_in_the_body_alone(line: Line):
    person = somebody()
    async with httpx.AsyncClient() as client:
        body = {"batch": [call(person)], "writeKey": line.key}
        answer = await client.post(f"{line.urls[0]}/v1/batch", json=body)
    assert answer.json() == {"success": True}
    assert len(await line.events(person)) == 1


async def test_a_beacon_with_a_batch_in_it_is_still_a_beacon(line: Line):
    hello = {"type": "hello", "key": line.key, "stream": "p1", "clock": time.time() * 1000}
    ours = {"Origin": "https://shop.example"}
    body: dict[str, Any] = {"hello": hello, "messages": [], "batch": []}
    answer = (await line.post("batch", body, headers=ours)).json()
    assert (answer["acked"], answer["errors"]) == (0, [])
