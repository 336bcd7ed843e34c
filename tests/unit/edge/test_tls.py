"""Both ports of the edge under TLS, on real sockets; and files that cannot be used."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from cli.doctor import services
from cli.doctor.finding import Patient, State
from edge.headers import security_headers
from edge.http import application
from edge.settings import Settings
from services.common.http import HttpServer
from services.common.settings import SettingsError, load
from services.common.tls import server_context
from tests.certificates import self_signed, trusting
from tests.unit.edge.stand_ins import acked, clicks, hello, running_edge

Files = tuple[Path, Path]
REQUIRED = {"SIQ_MESH_SECRET": "s", "SIQ_STATE_URL": "u", "SIQ_LOG_URL": "u"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return self_signed(tmp_path_factory.mktemp("tls"))


def context(files: Files) -> ssl.SSLContext:
    return server_context(*map(str, files))


async def test_a_page_speaks_wss(files: Files):
    async with running_edge(tls=context(files)) as edge:
        page = await connect(
            f"wss://127.0.0.1:{edge.port}",
            ssl=trusting(files[0]),
            subprotocols=[Subprotocol("sentientiq.v1")],
            origin=cast("Any", "https://shop.example"),
            compression=None,
        )
        edge.pages.append(page)
        await page.send(hello())
        for seq in range(1, 51):
            await page.send(clicks(seq, unknown="x" * 20_000))  # larger than a TLS record
        while await acked(page) < 50:
            pass
        await page.close()
        assert page.close_code == 1000


async def test_doctor_asks_an_edge_with_a_certificate_by_tls(files: Files):
    async with running_edge(tls=context(files)) as edge:
        environ = {"SIQ_WS_LISTEN": f"127.0.0.1:{edge.port}"}
        for more, state in (({"SIQ_TLS_CERT": str(files[0])}, State.OK), ({}, State.FAIL)):
            patient = Patient(Path("/nowhere"), {**environ, **more})
            assert [each.state async for each in services.edge(patient)] == [state]


async def test_whoever_does_not_read_is_cut_off_under_tls_too(files: Files):
    async with running_edge(tls=context(files)) as edge:
        page = await connect(
            f"wss://127.0.0.1:{edge.port}",
            ssl=trusting(files[0]),
            subprotocols=[Subprotocol("sentientiq.v1")],
            origin=cast("Any", "https://shop.example"),
            compression=None,
        )
        edge.pages.append(page)
        await page.send(hello())
        await page.recv()
        page.transport.pause_reading()
        (live,) = edge.mesh.hub.sessions()
        (connection,) = live.connections.values()
        for _ in range(400):
            connection.send("x" * 60_000)
        assert edge.mesh.counters["slow_reader"] == 1
        async with asyncio.timeout(10):
            await edge.mesh.sockets.all_gone()


async def test_https_is_answered_and_says_not_to_come_without(files: Files):
    async with running_edge(tls_cert="c", tls_key="k") as edge:
        headers = security_headers(edge.mesh.settings)
        app = application(cast("Any", edge.mesh))
        server = HttpServer(app, "127.0.0.1:0", tls=context(files), headers=headers, grace_s=1)
        await server.start()
        async with httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{server.port}", verify=trusting(files[0])
        ) as ask:
            for path in ("/healthz", "/nowhere", "/v1/batch"):
                answer = await ask.get(path)
                assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        await server.stop()


async def test_old_versions_of_tls_are_refused(files: Files):
    old = trusting(files[0])
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with running_edge(tls=context(files)) as edge:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asyncio.open_connection("127.0.0.1", edge.port, ssl=old)
        new = trusting(files[0])
        new.maximum_version = ssl.TLSVersion.TLSv1_2
        _, writer = await asyncio.open_connection("127.0.0.1", edge.port, ssl=new)
        writer.close()


@pytest.mark.parametrize(
    ("given", "lacking"), [("SIQ_TLS_CERT", "SIQ_TLS_KEY"), ("SIQ_TLS_KEY", "SIQ_TLS_CERT")]
)
def test_one_file_without_the_other_is_refused(given: str, lacking: str):
    with pytest.raises(SettingsError, match=f"{lacking} is not usable empty: set both"):
        load(Settings, {**REQUIRED, given: "file.pem"})


def test_files_that_cannot_be_used_are_named(files: Files, tmp_path: Path):
    cert, key = files
    with pytest.raises(SettingsError, match=r"SIQ_TLS_KEY: cannot read .*nowhere"):
        server_context(str(cert), "/nowhere")
    _, other = self_signed(tmp_path, "other")
    with pytest.raises(SettingsError, match="not usable: expected a certificate"):
        server_context(str(cert), str(other))
    with pytest.raises(SettingsError, match="not usable: expected a certificate"):
        server_context(str(key), str(key))
    locked = self_signed(tmp_path, "locked", password="hunter2")
    with pytest.raises(SettingsError, match="the key is encrypted"):
        server_context(*map(str, locked))
