"""One smoke run against a mesh, from provisioning to the verdict."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import grpc.aio
from sentientiq.accountability.v1 import accountability_service_pb2 as pb
from sentientiq.accountability.v1 import accountability_service_pb2_grpc as rpc

from cli.errors import CliError
from cli.mesh import Mesh
from cli.smoke.cast import Cast, provision
from cli.smoke.http import Connection
from cli.smoke.ledger import Ledger
from cli.smoke.owner import Owners
from cli.smoke.story import EXPECT_S, Story
from cli.smoke.verdict import ALERT_P99_MS, SLOW_ALERT_P99_MS, Verdict, judge
from cli.smoke.visitor import Visitor
from cli.tenants import open_tenants
from services.common.auth import make_token
from services.common.channels import connect

_LONGEST_GAP_S = 0.5
_POLL_S = 0.2
_SLOW = {
    "provider": "twilio",
    "status": 500,
    "delay_ms": 1_000,
    "first_only": True,
    "times": 1_000_000,
}


@dataclass(frozen=True, slots=True)
class Run:
    """What a run needs."""

    mesh: Mesh
    secret: str
    visitors: int
    say: Callable[[str], None]
    arrivals_s: float = 20.0
    """Over how long the visitors come; never all at once for a few."""
    gate: asyncio.Event | None = None
    """What the first visitor waits for, once everything is set up."""
    slow_provider: bool = False
    """The provider takes a second, and fails once for each text."""
    read_log_after: asyncio.Event | None = None
    """What reading the log and asking for the end of each story wait for: both cost as much as all
    visits, where others write to the log too. Only on a mesh that keeps it that long."""

    async def play(self) -> Verdict:
        """Play it.

        Raises:
            CliError: the tenant could not be set up.
        """
        began = time.monotonic()
        async with open_tenants(self.mesh.env["SIQ_IDENTITY_ADDR"], self.secret) as tenants:
            cast = await provision(tenants, self.visitors)
        self.say(f"tenant {cast.tenant}: {self.visitors} owners ({time.monotonic() - began:.1f} s)")
        ledger = Ledger(self.mesh.env["SIQ_LOG_URL"], cast.tenant)
        owners = Owners(cast.stories, self.mesh.urls["sandbox"], self.mesh.urls["intervene"])
        await ledger.open()
        if self.read_log_after is not None:
            ledger.reading.clear()
        listening = asyncio.Event()
        watching = asyncio.create_task(owners.watch(listening))
        reporting = asyncio.create_task(self._report(cast.stories))
        try:
            await self._listen(listening)
            if self.gate is not None:
                await self.gate.wait()
            async with self._provider():
                await self._visit(cast)
            if self.read_log_after is not None:
                await self.read_log_after.wait()
            ledger.reading.set()
            await owners.catch_up()
            await owners.finish()
            await self._settle(cast)
            missing = await ledger.missing(cast.stories)
            within_ms = SLOW_ALERT_P99_MS if self.slow_provider else ALERT_P99_MS
            return judge(cast.stories, ledger, missing, within_ms)
        finally:
            reporting.cancel()
            watching.cancel()
            await asyncio.gather(reporting, watching, return_exceptions=True)
            await ledger.close()

    @asynccontextmanager
    async def _provider(self) -> AsyncGenerator[None, None]:
        """The sandbox, as slow as it is to be; well again afterwards."""
        if not self.slow_provider:
            yield
            return
        async with Connection(self.mesh.urls["sandbox"], EXPECT_S) as sandbox:
            await sandbox.request("POST", "/api/faults", _SLOW)
        try:
            yield
        finally:
            async with Connection(self.mesh.urls["sandbox"], EXPECT_S) as sandbox:
                await sandbox.request("DELETE", "/api/faults")

    async def _listen(self, listening: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(EXPECT_S):
                await listening.wait()
        except TimeoutError:
            raise CliError(f"the sandbox does not answer at {self.mesh.urls['sandbox']}") from None

    async def _visit(self, cast: Cast) -> None:
        start = time.time() + 0.2
        gap = min(self.arrivals_s / self.visitors, _LONGEST_GAP_S)
        await asyncio.gather(
            *(
                Visitor(story, cast, self.mesh.urls["ws"]).visit(start + gap * story.index)
                for story in cast.stories
            )
        )

    async def _settle(self, cast: Cast) -> None:
        """Ask accountability for every recommendation until it stands at ACTED."""
        channel = connect(
            self.mesh.env["SIQ_ACCOUNTABILITY_ADDR"], make_token(self.secret, subject="smoke")
        )
        stub = rpc.AccountabilityServiceStub(channel)
        try:
            await asyncio.gather(*(_wait_acted(stub, cast.tenant, story) for story in cast.stories))
        finally:
            await channel.close()

    async def _report(self, stories: list[Story]) -> None:
        while True:
            await asyncio.sleep(2)
            helped = sum(1 for story in stories if story.interventions)
            texted = sum(1 for story in stories if story.messages)
            offered = sum(1 for story in stories if story.offered)
            self.say(f"helped {helped}, texted {texted}, offered {offered} of {len(stories)}")


async def _wait_acted(stub: rpc.AccountabilityServiceAsyncStub, tenant: str, story: Story) -> None:
    if not story.decision:
        return
    request = pb.GetRecommendationRequest(tenant_id=tenant, decision_id=story.decision)
    deadline = time.monotonic() + EXPECT_S
    last = "unknown"
    while time.monotonic() < deadline:
        try:
            answer = await stub.GetRecommendation(request)
            state = answer.recommendation.state
            if state == pb.RECOMMENDATION_STATE_ACTED:
                story.acted = True
                return
            last = pb.RecommendationState.Name(state)
        except grpc.aio.AioRpcError as error:
            last = f"{error.code().name}: {error.details()}"
        await asyncio.sleep(_POLL_S)
    story.problems.append(f"the recommendation is not ACTED after {EXPECT_S:.0f} s: {last}")
