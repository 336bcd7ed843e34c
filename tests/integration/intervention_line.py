"""The intervention service and the sandbox as processes, and the directory they ask, for tests."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import grpc.aio
import httpx
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.identity.v1 import identity_service_pb2_grpc as identity_rpc
from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.intervention.v1 import intervention_service_pb2 as service_pb2
from sentientiq.intervention.v1 import intervention_service_pb2_grpc as rpc
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant_pb2
from sentientiq.tenant.v1 import tenant_service_pb2_grpc as tenant_rpc

from cli.up.ports import free_port
from services.common.auth import make_token
from services.common.channels import connect
from services.common.log import EventLog, open_log
from services.common.partition import PARTITIONS

MESH = "line-test-secret-0123456789abcdef"
TWILIO_TOKEN = "twilio-test-token"
ACCOUNT = "ACtest0000000000000000000000000000"
WEBHOOK_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
ROOT = Path(__file__).resolve().parents[2]
_START_S = 30.0


class Directory:
    """Tenants' people, policies and sessions' identities, over real gRPC."""

    def __init__(self) -> None:
        self.people: dict[str, list[tenant_pb2.Person]] = {}
        self.identities: dict[tuple[str, str], identity_pb2.UserIdentity] = {}
        self.documents: dict[tuple[str, str], tenant_pb2.ConfigDocument] = {}
        self.watched = asyncio.Event()
        """Set once the service has found us."""
        self.peers: set[str] = set()
        """Connections of those that have."""
        self.fail = False
        """Answer everything with UNAVAILABLE."""
        self._watchers: set[asyncio.Queue[tenant_pb2.ConfigDocument]] = set()

    def __getattr__(self, name: str) -> Any:
        """Every other RPC of the two services: not here."""
        if not name[0].isupper():
            raise AttributeError(name)

        async def unimplemented(request: Any, context: Any) -> None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, name)

        return unimplemented

    def put_policy(self, tenant_id: str, body: str) -> None:
        """Store a new version of the policy."""
        self.put(tenant_id, "policy", body)

    def put(self, tenant_id: str, kind: str, body: str) -> None:
        """Store a new version and tell the watchers."""
        before = self.documents.get((tenant_id, kind))
        document = tenant_pb2.ConfigDocument(
            tenant_id=tenant_id,
            kind=kind,
            version=(before.version if before else 0) + 1,
            body=body.encode(),
        )
        self.documents[(tenant_id, kind)] = document
        for watcher in self._watchers:
            watcher.put_nowait(document)

    async def ListPeople(self, request: Any, context: Any) -> tenant_pb2.ListPeopleResponse:
        """The tenant's team."""
        await self._stand(context)
        return tenant_pb2.ListPeopleResponse(people=self.people.get(request.tenant_id, []))

    async def GetConfig(self, request: Any, context: Any) -> tenant_pb2.GetConfigResponse:
        """The newest document."""
        await self._stand(context)
        document = self.documents.get((request.tenant_id, request.kind))
        if document is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "never set")
        return tenant_pb2.GetConfigResponse(document=document)

    async def WatchConfig(self, request: Any, context: Any) -> Any:
        """All documents, then changes."""
        queue: asyncio.Queue[tenant_pb2.ConfigDocument] = asyncio.Queue()
        self._watchers.add(queue)
        self.peers.add(context.peer())
        self.watched.set()
        try:
            for document in list(self.documents.values()):
                queue.put_nowait(document)
            while True:
                document = await queue.get()
                if document.kind == request.kind:
                    yield tenant_pb2.WatchConfigResponse(document=document)
        finally:
            self._watchers.discard(queue)

    async def Resolve(self, request: Any, context: Any) -> identity_pb2.ResolveResponse:
        """Who a session is."""
        await self._stand(context)
        key = (request.tenant_id, request.session_id)
        anonymous = identity_pb2.UserIdentity(tenant_id=key[0], session_id=key[1])
        return identity_pb2.ResolveResponse(identity=self.identities.get(key, anonymous))

    async def _stand(self, context: Any) -> None:
        if self.fail:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")

    async def serve(self, port: int) -> grpc.aio.Server:
        """Listen."""
        server = grpc.aio.server()
        servicer: Any = self
        tenant_rpc.add_TenantServiceServicer_to_server(servicer, server)
        identity_rpc.add_IdentityServiceServicer_to_server(servicer, server)
        assert server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        return server


class Ports:
    """Where everything listens."""

    def __init__(self) -> None:
        self.directory, self.grpc, self.http, self.sandbox = (free_port() for _ in range(4))

    def environment(self, postgres_url: str, state_url: str, log_url: str) -> dict[str, str]:
        """Variables of both processes."""
        return {
            "SIQ_MESH_SECRET": MESH,
            "SIQ_POSTGRES_URL": postgres_url,
            "SIQ_STATE_URL": state_url,
            "SIQ_LOG_URL": log_url,
            "SIQ_LISTEN": f"127.0.0.1:{self.grpc}",
            "SIQ_HTTP_LISTEN": f"127.0.0.1:{self.http}",
            "SIQ_PUBLIC_URL": f"http://127.0.0.1:{self.http}",
            "SIQ_IDENTITY_ADDR": f"127.0.0.1:{self.directory}",
            "SIQ_TWILIO_URL": f"http://127.0.0.1:{self.sandbox}",
            "SIQ_TWILIO_ACCOUNT_SID": ACCOUNT,
            "SIQ_TWILIO_AUTH_TOKEN": TWILIO_TOKEN,
            "SIQ_TWILIO_FROM": "+15005550006",
            "SIQ_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{self.sandbox}",
        }


@contextmanager
def process(
    module: str, environment: Mapping[str, str], log: Path
) -> Generator[subprocess.Popen[bytes], None, None]:
    """Run a module as a process until the block ends; SIGTERM ends it with 0."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "proto")])
    with log.open("ab") as sink:
        child = subprocess.Popen(
            [sys.executable, "-m", module],
            env={**os.environ, **environment, "PYTHONPATH": path},
            stderr=sink,
            stdout=sink,
        )
        try:
            _wait_healthy(child, f"http://{environment['SIQ_HTTP_LISTEN']}/healthz", log)
            yield child
        finally:
            code = stop(child)
    assert code == 0, f"{module} ended with {code}:\n{log.read_text()[-3000:]}"


def stop(child: subprocess.Popen[bytes]) -> int:
    """Send SIGTERM and wait."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
    try:
        return child.wait(25)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return -1


def _wait_healthy(child: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            break
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise AssertionError(f"not healthy:\n{log.read_text()[-3000:]}")


class Line:
    """Everything a test of the line needs, for one tenant of its own."""

    def __init__(self, ports: Ports, directory: Directory, log_url: str) -> None:
        self.tenant = f"t-{uuid4().hex[:12]}"
        self.phone = f"+1555{uuid4().int % 10_000_000:07d}"
        self.directory = directory
        self.ports = ports
        self.log: EventLog = open_log(log_url)
        self._channel = connect(f"127.0.0.1:{ports.grpc}", make_token(MESH, subject="test"))
        self.stub = rpc.InterventionServiceStub(self._channel)
        self.sandbox = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{ports.sandbox}", trust_env=False, timeout=15
        )
        self.pages = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{ports.http}", trust_env=False, timeout=15
        )

    async def close(self) -> None:
        """Release connections."""
        await self._channel.close()
        await self.sandbox.aclose()
        await self.pages.aclose()
        await self.log.close()

    def person(self, *channels: tuple[str, str], role: str = "ceo") -> tenant_pb2.Person:
        """Put one person on the team; without channels, one with a phone."""
        person = tenant_pb2.Person(person_id=f"p-{role}", name="Robin", role=role)
        for kind, address in channels or (("sms", self.phone),):
            secret = WEBHOOK_SECRET if kind == "webhook" else ""
            person.channels.add(kind=kind, address=address, secret=secret)
        self.directory.people.setdefault(self.tenant, []).append(person)
        return person

    def identity(
        self, session: str, minor: int = 10_000_000, **more: Any
    ) -> identity_pb2.UserIdentity:
        """A verified identity, known to the directory too."""
        identity = identity_pb2.UserIdentity(
            tenant_id=self.tenant,
            session_id=session,
            user_id=f"u-{session}",
            email="dana@acme.example",
            name="Dana Reyes",
            company="acme.example",
            company_name="Acme Robotics",
            assurance=identity_pb2.ASSURANCE_VERIFIED,
            ltv=identity_pb2.Money(currency="USD", minor=minor),
            ltv_low=identity_pb2.Money(currency="USD", minor=9_000_000),
            ltv_high=identity_pb2.Money(currency="USD", minor=12_000_000),
            ltv_source="token",
        )
        for name, value in more.items():
            setattr(identity, name, value)
        self.directory.identities[(self.tenant, session)] = identity
        return identity

    def emotion(self, session: str, **more: Any) -> emotion_pb2.Emotion:
        """A fresh rage on the pay button."""
        now_ms = time.time_ns() // 1_000_000
        emotion = emotion_pb2.Emotion(
            id=uuid4().hex,
            rev=1,
            tenant_id=self.tenant,
            session_id=session,
            stream_id="p1",
            kind=emotion_pb2.EMOTION_KIND_RAGE,
            confidence=92,
            trigger="rage_click",
            context=emotion_pb2.EmotionContext(page="/checkout", element="button#pay-now"),
            evidence=[emotion_pb2.EvidenceRef(seq=3, index=index) for index in range(8)],
            contributions=[
                emotion_pb2.Contribution(feature="unanswered_presses", log_odds=2.4),
                emotion_pb2.Contribution(feature="press_rate", log_odds=1.3),
                emotion_pb2.Contribution(feature="same_place", log_odds=0.8),
                emotion_pb2.Contribution(feature="base_rate", log_odds=-2.0),
            ],
            occurred_at_ms=now_ms - 40,
            detected_at_ms=now_ms - 20,
        )
        for name, value in more.items():
            setattr(emotion, name, value)
        return emotion

    async def decide(
        self, emotion: emotion_pb2.Emotion, identity: identity_pb2.UserIdentity | None = None
    ) -> pb.Decision:
        """The edge's call."""
        answer = await self.stub.Decide(
            service_pb2.DecideRequest(
                emotion=emotion,
                identity=identity,
                visitor=service_pb2.VisitorContext(interventions_consent=True),
            ),
            timeout=10,
        )
        return answer.decision

    async def received(self, to: str = "", provider: str = "") -> list[dict[str, Any]]:
        """What the sandbox got for an address, by default the tenant's phone."""
        answer = await self.sandbox.get(
            "/api/messages", params={"to": to or self.phone, "provider": provider}
        )
        messages: list[dict[str, Any]] = answer.json()["messages"]
        return messages

    async def one_message(self, to: str = "") -> dict[str, Any]:
        """The first message, waited for."""
        messages = await until(lambda: self.received(to))
        return messages[0]

    async def decisions(self) -> list[pb.Decision]:
        """The tenant's records in decision.v1."""
        values = await self._values("decision.v1")
        found = [pb.Decision.FromString(value) for value in values]
        return [one for one in found if one.tenant_id == self.tenant]

    async def outcomes(self, kind: pb.OutcomeKind.ValueType | None = None) -> list[pb.Outcome]:
        """The tenant's records in outcome.v1."""
        values = await self._values("outcome.v1")
        found = [pb.Outcome.FromString(value) for value in values]
        return [
            one
            for one in found
            if one.tenant_id == self.tenant and (kind is None or one.kind == kind)
        ]

    async def _values(self, topic: str) -> list[bytes]:
        entries = await self.log.read(topic, dict.fromkeys(range(PARTITIONS), 0), limit=100_000)
        return [record.value for entry in entries for record in entry.records]


def link_of(body: str) -> str:
    """The path of the link in a text."""
    found = re.search(r"https?://[^/\s]+(/i/[A-Za-z0-9_=-]+)", body)
    assert found, body
    return found.group(1)


async def until(ask: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    """Ask again until the answer is true."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = await ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, "it did not come"
        await asyncio.sleep(0.01)
