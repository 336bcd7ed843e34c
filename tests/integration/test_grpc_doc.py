"""docs/grpc.md: its programs run against a mesh, and print what stands under them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import jwt
import pytest
import pytest_asyncio
from sentientiq.intervention.v1 import intervention_pb2 as pb

from cli.client import Page
from cli.mesh import Mesh, mesh_secret
from cli.smoke.private import private_mesh
from cli.tenants import open_tenants
from services.common.log import DECISION, OUTCOME, Append, open_log
from services.common.log.port import session_append
from tests.engines.running import ROOT

DOCUMENT = (ROOT / "docs" / "grpc.md").read_text()
# Heading: the program, what it prints.
PROGRAMS: dict[str, tuple[str, str]] = {
    section.partition("\n")[0]: (found[1], found[2])
    for section in DOCUMENT.split("\n## ")
    if (found := re.search(r"```python\n(.*?)```\n```text\n(.*?)```", section, re.DOTALL))
}
(SHELL,) = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
TENANT = "acme"
SECRET = "identity-secret-of-the-test-at-least-32-bytes"
ORIGIN = "https://shop.example"
PAY = (1, "button#pay", 2)

in_one_loop = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Place:
    """A mesh with a tenant, a visitor and three recommendations, and the reader's environment."""

    mesh: Mesh
    visitor: Page
    env: dict[str, str]

    async def begin(self, heading: str, *words: str) -> asyncio.subprocess.Process:
        """Start a program of the document."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAMS[heading][0], *words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.env,
        )

    async def output(self, heading: str, *words: str) -> str:
        """Run a program of the document to its end."""
        program = await self.begin(heading, *words)
        async with asyncio.timeout(30):
            out, errors = await program.communicate()
        assert program.returncode == 0, errors.decode()
        return out.decode()


async def _tenant(mesh: Mesh, secret: str) -> str:
    """Make the tenant; returns a key of it."""
    async with open_tenants(mesh.env["SIQ_IDENTITY_ADDR"], secret) as tenants:
        await tenants.put_tenant(TENANT, "Acme", identity_secret=SECRET, emotions_to_page=True)
        return await tenants.create_key(TENANT, [ORIGIN], "test")


async def _visitor(mesh: Mesh, key: str) -> Page:
    """Somebody whom the tenant's server has vouched for."""
    page = Page(mesh.urls["ws"], key, page="/checkout", origin=ORIGIN)
    await page.open()
    now = int(time.time())
    claims = {"sub": "user-17", "email": "dana@globex.example", "ltv": 100_000}
    token = jwt.encode({**claims, "iat": now, "exp": now + 600}, SECRET, algorithm="HS256")
    await page.identify(user_id="user-17", token=token)
    await page.drained(20)
    return page


async def _recommendations(mesh: Mesh) -> None:
    """Two that were acted on after 30 s and 50 s, one that was declined, one of long ago."""
    now_ms = time.time_ns() // 1_000_000
    day_ms = 24 * 3600 * 1000
    acted, declined = pb.OUTCOME_KIND_ACTED, pb.OUTCOME_KIND_DECLINED
    appends: list[Append] = []
    for id, ago_ms, kind, after_ms in (
        ("d1", 60_000, acted, 30_000),
        ("d2", 60_000, acted, 50_000),
        ("d3", 60_000, declined, 10_000),
        ("d4", 8 * day_ms, acted, 1_000),
    ):
        at_ms = now_ms - ago_ms
        asked = pb.Recommendation(person_id="ceo", due_at_ms=at_ms + 900_000)
        decision = pb.Decision(
            id=id, tenant_id=TENANT, session_id="s1", decided_at_ms=at_ms, recommendation=asked
        )
        outcome = pb.Outcome(
            id=f"{id}-end",
            tenant_id=TENANT,
            session_id="s1",
            decision_id=id,
            kind=kind,
            occurred_at_ms=at_ms + after_ms,
        )
        for topic, message in ((DECISION, decision), (OUTCOME, outcome)):
            appends.append(session_append(topic, TENANT, "s1", message.SerializeToString(), {}))
    log = open_log(mesh.env["SIQ_LOG_URL"])
    await log.append(appends)
    await log.close()


def _environment(data: Path, mesh: Mesh) -> dict[str, str]:
    """What the document's shell lines leave, run where the mesh's data lies."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SIQ_")}
    addresses = {name: value for name, value in mesh.env.items() if name.endswith("_ADDR")}
    stubs = {"PYTHONPATH": str(ROOT / "proto")}
    (data.parent / ".sentientiq").symlink_to(data)
    command = f'sentientiq() {{ PYTHONPATH={ROOT}:{ROOT}/proto "$PYTHON" -m cli.main "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-ec", f"{command}{SHELL}env -0"],
        cwd=data.parent,
        env={**clean, **addresses, **stubs, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if "=" in line)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place() -> AsyncIterator[Place]:
    async with private_mesh() as (data, mesh):
        env = _environment(data, mesh)
        visitor = await _visitor(mesh, await _tenant(mesh, mesh_secret(data, {})))
        await _recommendations(mesh)
        yield Place(mesh, visitor, env)
        await visitor.close()


def test_the_document_has_the_programs_it_is_said_to_have():
    assert list(PROGRAMS) == [
        "Resolve an identity",
        "Tail emotions live",
        "Fetch a scorecard",
        "Ask a server what it offers",
    ]
    assert DOCUMENT.count("```python") == len(PROGRAMS)
    for heading, (program, _) in PROGRAMS.items():
        assert len(program.splitlines()) <= 25, heading


async def until_printed(place: Place, heading: str, *words: str) -> None:
    """Run a program until it prints what it promises: the log's readers need a moment."""
    promised, printed = PROGRAMS[heading][1], ""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(30):
            while (printed := await place.output(heading, *words)) != promised:
                await asyncio.sleep(0.2)
    assert printed == promised


@in_one_loop
async def test_resolve(place: Place):
    await until_printed(place, "Resolve an identity", TENANT, place.visitor.session)


@in_one_loop
async def test_scorecard(place: Place):
    await until_printed(place, "Fetch a scorecard", TENANT)


@in_one_loop
async def test_reflection(place: Place):
    assert (
        await place.output("Ask a server what it offers")
        == PROGRAMS["Ask a server what it offers"][1]
    )


@in_one_loop
async def test_tail(place: Place):
    heading = "Tail emotions live"
    promised = PROGRAMS[heading][1].splitlines()
    program = await place.begin(heading, TENANT)
    assert program.stdout is not None
    try:
        async with asyncio.timeout(30):
            assert (await program.stdout.readline()).decode().rstrip() == promised[0]
            t0 = time.time() * 1000 - 2_000
            for number in range(4):
                press = [3, 0, 100, 100, 1, 0, 1]
                await place.visitor.send_events(t0 + 250 * number, [press], [PAY])
            line = (await program.stdout.readline()).decode().rstrip()
    finally:
        program.terminate()
        await program.communicate()
    # How sure it is may change with the calibration.
    assert re.sub(r"\d+", "0", line) == re.sub(r"\d+", "0", promised[1])


@in_one_loop
async def test_a_token_of_another_tenant_is_told_so(place: Place):
    program = await place.begin("Fetch a scorecard", "somebody-else")
    _, errors = await program.communicate()
    assert b"PERMISSION_DENIED" in errors
    assert b"the token is not for tenant 'somebody-else'" in errors


def test_the_programs_are_typed(tmp_path: Path):
    files: list[str] = []
    for heading, (program, _) in PROGRAMS.items():
        path = tmp_path / f"{heading.partition(' ')[0].lower()}_.py"
        path.write_text(program)
        files.append(str(path))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
