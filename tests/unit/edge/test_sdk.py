"""The SDK as the edge serves it: what browsers check, keep and ask again for."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from edge.sdk import Sdk, accepts_gzip, load_sdk
from services.common.settings import SettingsError
from tests.documents import ROOT
from tests.unit.edge.stand_ins import http, running_edge

FILE = ROOT / "sdk" / "js" / "dist" / "sentientiq.js"
BODY = FILE.read_bytes()
MORE = FILE.with_name("sentientiq-more.js").read_bytes()
PLAIN = {"Accept-Encoding": "identity"}
FOR_ANY_PAGE = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


@pytest.fixture(scope="module")
def sdk() -> Sdk:
    found = load_sdk("")
    assert found is not None
    return found


@pytest_asyncio.fixture
async def ask(sdk: Sdk) -> AsyncIterator[httpx.AsyncClient]:
    async with running_edge() as edge, http(edge, sdk) as client:
        yield client


async def test_what_it_says_of_itself_holds(ask: httpx.AsyncClient):
    about = (await ask.get("/sdk.json")).json()
    package = json.loads((ROOT / "sdk" / "js" / "package.json").read_text())
    assert about["version"] == package["version"]
    answer = await ask.get(about["url"], headers=PLAIN)
    digest = base64.b64encode(hashlib.sha384(answer.content).digest()).decode()
    assert about["integrity"] == f"sha384-{digest}"
    assert answer.content == BODY


async def test_a_version_is_kept_for_ever_and_the_newest_for_minutes(
    ask: httpx.AsyncClient, sdk: Sdk
):
    for path, cache in (
        (sdk.path, "public, max-age=31536000, immutable"),
        (sdk.path.replace(".js", "-more.js"), "public, max-age=31536000, immutable"),
        ("/sentientiq.js", "public, max-age=300"),
        ("/sentientiq-more.js", "public, max-age=300"),
    ):
        answer = await ask.get(path)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == cache
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers.items() >= FOR_ANY_PAGE.items()


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_bytes_on_the_wire(ask: httpx.AsyncClient, sdk: Sdk, encoding: str):
    async with ask.stream("GET", sdk.path, headers={"Accept-Encoding": encoding}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers.get("Content-Encoding", "identity") == encoding
    assert (gzip.decompress(raw) if encoding == "gzip" else raw) == BODY
    assert len(raw) == int(answer.headers["Content-Length"])
    if encoding == "gzip":
        assert len(raw) < 10_000  # what the SDK promises


async def test_the_core_names_the_hash_of_the_rest_that_is_served(ask: httpx.AsyncClient, sdk: Sdk):
    for path in ("/sentientiq-more.js", sdk.path.replace(".js", "-more.js")):
        answer = await ask.get(path)
        assert answer.content == MORE
        digest = base64.b64encode(hashlib.sha256(answer.content).digest())
        assert b"sha256-" + digest in BODY
    for path in ("/sentientiq-other.js", sdk.path.replace("sentientiq.js", "other.js")):
        assert (await ask.get(path)).status_code == 404


async def test_what_a_browser_has_is_not_sent_again(ask: httpx.AsyncClient):
    first = await ask.get("/sentientiq.js")
    tag = first.headers["ETag"]
    for known in (tag, f"W/{tag}", f'"old", {tag}', "*"):
        answer = await ask.get("/sentientiq.js", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == tag
    assert (await ask.get("/sentientiq.js", headers={"If-None-Match": '"old"'})).status_code == 200
    # The two encodings are different bytes.
    assert (await ask.get("/sentientiq.js", headers=PLAIN)).headers["ETag"] != tag


async def test_caches_that_ask_without_an_origin_get_the_same(sdk: Sdk):
    async with running_edge() as edge, http(edge, sdk) as client:
        del client.headers["Origin"]
        answer = await client.get(sdk.path)
        assert answer.headers.items() >= FOR_ANY_PAGE.items()


async def test_h17_a_version_that_is_not_here(ask: httpx.AsyncClient, sdk: Sdk):
    answer = await ask.get("/sdk/0.0.1-00000000/sentientiq.js")
    assert answer.status_code == 404
    assert sdk.path in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


async def test_h18_no_sdk_is_built():
    async with running_edge() as edge, http(edge) as client:
        for path in ("/sentientiq.js", "/sdk.json", "/sdk/0.1.0-00000000/sentientiq.js"):
            answer = await client.get(path)
            assert answer.status_code == 404
            assert "SIQ_SDK_FILE" in answer.text
            assert answer.headers["Cache-Control"] == "no-store"


def test_another_file_is_served_when_named(tmp_path: Path):
    file = tmp_path / "mine.js"
    file.write_text('send({sdk:"js/2.0.0-rc.1"})')
    found = load_sdk(str(file))
    assert found is not None
    assert found.version == "2.0.0-rc.1"
    digest = hashlib.sha384(file.read_bytes()).hexdigest()
    assert found.path == f"/sdk/2.0.0-rc.1-{digest[:8]}/sentientiq.js"


def test_a_file_that_is_none_is_refused_by_name(tmp_path: Path):
    with pytest.raises(SettingsError, match="SIQ_SDK_FILE: cannot read"):
        load_sdk(str(tmp_path / "nowhere.js"))
    (tmp_path / "sentientiq.js").write_bytes(BODY)
    with pytest.raises(SettingsError, match=r"cannot read .*sentientiq-more\.js"):
        load_sdk(str(tmp_path / "sentientiq.js"))
    (tmp_path / "sentientiq-more.js").write_bytes(MORE + b" ")
    with pytest.raises(SettingsError, match="of different builds"):
        load_sdk(str(tmp_path / "sentientiq.js"))
    (tmp_path / "other.js").write_text("alert(1)")
    with pytest.raises(SettingsError, match="is no build of the SDK"):
        load_sdk(str(tmp_path / "other.js"))


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip, deflate, br", True),
        ("br;q=1.0, GZIP;q=0.8, *;q=0.1", True),
        ("*", True),
        ("", False),
        ("br", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("x-gzipped", False),
        ("gzip;q=..", False),
    ],
)
def test_gzip_is_sent_to_whom_takes_it(header: str, accepted: bool):
    assert accepts_gzip(header) is accepted


async def test_every_answer_has_the_headers_and_none_says_what_serves_it(
    ask: httpx.AsyncClient,
):
    answers = [
        await ask.get("/healthz"),
        await ask.get("/nowhere"),
        await ask.get("/v1/batch"),
        await ask.post("/v1/batch", content=b"nonsense"),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 405, 400]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Server" not in answer.headers
        assert "Strict-Transport-Security" not in answer.headers


async def test_what_is_no_request_is_answered_with_them_too(ask: httpx.AsyncClient):
    reader, writer = await asyncio.open_connection(ask.base_url.host, ask.base_url.port)
    writer.write(b"nonsense\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"x-content-type-options: nosniff" in answer.lower()


async def test_a_page_of_any_origin_may_ask_to_send(ask: httpx.AsyncClient):
    asking = {"Access-Control-Request-Method": "POST"}
    answer = await ask.options("/v1/batch", headers=asking)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
    sent = await ask.post("/v1/batch", content=b"nonsense")
    assert (sent.status_code, sent.headers["Access-Control-Allow-Origin"]) == (400, "*")
