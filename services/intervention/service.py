"""Put the process together: what is connected to what, and in which order it drains."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from sentientiq.detection.v1 import emotion_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.intervention.v1 import intervention_service_pb2 as service_pb2
from sentientiq.intervention.v1 import intervention_service_pb2_grpc as rpc

from services.common import logs, metrics, postgres, state
from services.common.auth import make_token
from services.common.channels import connect
from services.common.consumer import Consumer, Delivery
from services.common.guard import Guard
from services.common.http import HttpServer
from services.common.http_client import Http
from services.common.log import EMOTION, OUTCOME, LogUnavailable, open_log
from services.common.process import GrpcServer
from services.common.settings import SettingsError
from services.intervention import database
from services.intervention.acknowledging import Acknowledging
from services.intervention.acting import Acting
from services.intervention.breaker import Breaker
from services.intervention.budgets import Budgets, read_rates
from services.intervention.channels.mail import Mail, MailServer, read_server
from services.intervention.channels.pagerduty import PagerDuty
from services.intervention.channels.slack import Slack
from services.intervention.channels.teams import Teams
from services.intervention.channels.twilio import Account, Twilio
from services.intervention.channels.webhook import Webhook
from services.intervention.clock import wall_ms
from services.intervention.court import Court
from services.intervention.database import FAILURES
from services.intervention.decider import Decider
from services.intervention.dispatcher import Dispatcher, Sender
from services.intervention.durable import DurablePath
from services.intervention.experiments.draws import Draws
from services.intervention.experiments.in_force import ExperimentsInForce
from services.intervention.experiments.observing import Observing
from services.intervention.experiments.shares import Shares
from services.intervention.identities import Identities
from services.intervention.links import Links
from services.intervention.metrics import METRICS, Parts
from services.intervention.people import People
from services.intervention.policies import Policies
from services.intervention.presence import Pages
from services.intervention.proposal import Recommender
from services.intervention.relay import Relay
from services.intervention.secrets import Sealer
from services.intervention.servicer import InterventionServicer
from services.intervention.settings import Settings
from services.intervention.settling import Settling
from services.intervention.shown import Shown
from services.intervention.switches import Switches
from services.intervention.unsubscribing import Unsubscribing
from services.intervention.web.app import Hooks, build_app
from services.intervention.web.hooks import TwilioHook
from services.intervention.web.page import IntervenePage
from services.intervention.web.pagerduty_hook import PagerDutyHook
from services.intervention.web.slack_hook import SlackHook
from services.intervention.web.unsubscribe_hook import UnsubscribeHook
from services.intervention.writer import Writer

SCHEMA = "intervention"
MIGRATIONS = Path(__file__).parent / "migrations"
SERVICE = service_pb2.DESCRIPTOR.services_by_name["InterventionService"].full_name
_DRAIN_S = 12.0
_SOON_S = 0.005
_log = logs.get(__name__)


async def serve(settings: Settings) -> None:
    """Run until cancelled; then stop accepting, finish what is under way, and flush the outbox."""
    try:
        rates = read_rates(settings.send_rates)
    except ValueError as error:
        raise SettingsError(f"SIQ_SEND_RATES is not usable: {error}") from error
    server = _mail_server(settings)
    unsubscribing = Unsubscribing(settings.mesh_secret, public_url=settings.public_url)
    await postgres.migrate(settings.postgres_url, SCHEMA, MIGRATIONS)
    pool = await database.connect(settings.postgres_url, SCHEMA, size=10)
    # A Decide must never queue for a connection behind a burst of messages and callbacks.
    writer_pool = await database.connect(settings.postgres_url, SCHEMA, size=4)
    log = open_log(settings.log_url)
    hot = state.connect(settings.state_url)
    channel = connect(
        settings.identity_addr, make_token(settings.mesh_secret, subject="intervention")
    )
    http = Http()

    relay = Relay(pool, log)
    sealer = Sealer(settings.mesh_secret)
    links = Links(settings.mesh_secret)
    dispatcher = Dispatcher(
        pool,
        _senders(settings, http, server, unsubscribing),
        sealer,
        wall_ms,
        budgets=Budgets(pool, rates),
        breaker=Breaker(time.monotonic),
        committed=relay.wake,
    )

    soon = _Soon(relay.wake)

    def committed(messages: bool) -> None:
        soon.call()
        if messages:
            dispatcher.wake()

    court = Court(
        Recommender(
            links,
            sealer,
            public_url=settings.public_url,
            slack_acts=bool(settings.slack_signing_secret),
        )
    )
    writer = Writer(writer_pool, court, wall_ms, committed=committed)
    switches = Switches(pool)
    policies = Policies(channel)
    experiments = ExperimentsInForce(channel)
    shares = Shares(pool)
    draws = Draws(experiments, shares, writer_pool)
    observing = Observing(pool)
    identities = Identities(channel)
    pages = Pages(hot)
    people = People(channel, monotonic=time.monotonic)
    decider = Decider(
        policies,
        identities,
        people,
        switches,
        draws,
        writer,
        wall_ms,
    )
    acting = Acting(pool, links, policies, pages, wall_ms, committed=relay.wake)
    acknowledging = Acknowledging(pool, wall_ms, committed=relay.wake)
    hooks = Hooks(
        TwilioHook(
            pool,
            wall_ms,
            auth_token=settings.twilio_auth_token,
            public_url=settings.public_url,
            committed=relay.wake,
        ),
        SlackHook(pool, links, acknowledging, wall_ms, secret=settings.slack_signing_secret),
        PagerDutyHook(pool, acknowledging, secrets=settings.pagerduty_webhook_secrets),
        UnsubscribeHook(pool, unsubscribing, wall_ms),
    )
    durable = DurablePath(pool, decider, pages, wall_ms)
    metrics.publish(
        METRICS,
        Parts(
            decider,
            dispatcher,
            draws,
            durable,
            experiments,
            hooks,
            identities,
            observing,
            pages,
            people,
            policies,
            relay,
            writer,
        ),
    )
    emotions: Consumer[emotion_pb2.Emotion] = Consumer(
        log,
        group="intervention",
        topic=EMOTION,
        decode=emotion_pb2.Emotion.FromString,
        handle=durable.handle,
    )
    shown, settling = Shown(pool), Settling(pool, sealer, dispatcher, wall_ms)

    async def heard(deliveries: list[Delivery[pb.Outcome]]) -> None:
        await shown.handle(deliveries)
        await settling.handle(deliveries)

    outcomes: Consumer[pb.Outcome] = Consumer(
        log,
        group="intervention-shown",
        topic=OUTCOME,
        decode=pb.Outcome.FromString,
        handle=heard,
        linger_s=0.1,
    )
    observed: Consumer[pb.Outcome] = Consumer(
        log,
        group="intervention-observed",
        topic=OUTCOME,
        decode=pb.Outcome.FromString,
        handle=observing.handle,
        linger_s=0.1,
    )

    web = HttpServer(
        build_app(IntervenePage(acting, identities, pages), hooks), settings.http_listen
    )
    grpc_server = GrpcServer(settings.listen, settings.mesh_secret)
    rpc.add_InterventionServiceServicer_to_server(
        InterventionServicer(pool, decider, switches, wall_ms), grpc_server.raw
    )
    # A tenant that is stopped stays so from the first decision on.
    await switches.read()
    loops = _Loops()
    loops.start(
        writer.run(),
        relay.run(),
        policies.watch(),
        experiments.watch(),
        shares.watch(),
        switches.watch(),
    )
    readers = _Loops()
    sending = asyncio.create_task(dispatcher.run())
    try:
        await web.start()
        await grpc_server.start([SERVICE])
        readers.start(emotions.run(), outcomes.run(), observed.run())
        _log.info("serving", grpc=settings.listen, http=settings.http_listen)
        await _first_end(*loops.tasks, *readers.tasks, sending)
    finally:
        await grpc_server.stop()
        await web.stop()
        await readers.stop()
        dispatcher.stop()
        await asyncio.wait([sending], timeout=2.0)
        await dispatcher.drain(_DRAIN_S)
        await loops.stop()
        # The log may be away; the rows stay for the next process.
        with contextlib.suppress(LogUnavailable, *FAILURES):
            async with asyncio.timeout(2.0):
                while await relay.flush():
                    pass
        await http.close()
        await channel.close()
        await hot.aclose()
        await log.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3.0):
                await asyncio.gather(pool.close(), writer_pool.close())
        pool.terminate()
        writer_pool.terminate()


def _mail_server(settings: Settings) -> MailServer:
    try:
        return read_server(settings.smtp_url, settings.smtp_from)
    except ValueError as error:
        raise SettingsError(f"SIQ_SMTP_URL or SIQ_SMTP_FROM is not usable: {error}") from error


def _senders(
    settings: Settings, http: Http, server: MailServer, unsubscribing: Unsubscribing
) -> dict[str, Sender]:
    guard = Guard(settings.allowed_private_hosts)
    account = Account(
        settings.twilio_url,
        settings.twilio_account_sid,
        settings.twilio_auth_token,
        settings.twilio_from,
    )
    if not account.complete:
        _log.warning(
            "no text messages: set SIQ_TWILIO_ACCOUNT_SID, SIQ_TWILIO_AUTH_TOKEN, SIQ_TWILIO_FROM"
        )
    callback_url = f"{settings.public_url.rstrip('/')}/hooks/twilio"
    return {
        "sms": Twilio(http, account, callback_url=callback_url),
        "slack": Slack(http, guard),
        "webhook": Webhook(http, guard, wall_ms),
        "teams": Teams(http, guard),
        "pagerduty": PagerDuty(http, base_url=settings.pagerduty_url),
        "email": Mail(server, unsubscribing),
    }


class _Soon:
    """Calls a function a moment later, once for all who asked meanwhile.

    Each round of the relay costs as much as several decisions, whether it moves one or a hundred.
    """

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._pending = False

    def call(self) -> None:
        """Ask for a call."""
        if not self._pending:
            self._pending = True
            asyncio.get_running_loop().call_later(_SOON_S, self._now)

    def _now(self) -> None:
        self._pending = False
        self._function()


class _Loops:
    """Background loops that live and die together."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[Any]] = []

    def start(self, *loops: Coroutine[Any, Any, None]) -> None:
        self.tasks += [asyncio.create_task(loop) for loop in loops]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def _first_end(*tasks: asyncio.Task[Any]) -> None:
    """Wait for ever; a loop that ends is a crash, and its error ends the process."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    raise RuntimeError("a background loop ended")
