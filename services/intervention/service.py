"""Put the process together: what is connected to what, and in which order it drains."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

from sentientiq.detection.v1 import emotion_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.intervention.v1 import intervention_service_pb2 as service_pb2
from sentientiq.intervention.v1 import intervention_service_pb2_grpc as rpc
from sentientiq.intervention.v1 import letter_service_pb2, letter_service_pb2_grpc

from services.common import logs, metrics, postgres, state
from services.common.auth import make_token
from services.common.channels import connect
from services.common.consumer import Consumer, Delivery
from services.common.guard import Guard
from services.common.http import HttpServer
from services.common.http_client import Http
from services.common.log import DECISION, EMOTION, OUTCOME, LogUnavailable, open_log
from services.common.process import GrpcServer
from services.common.settings import SettingsError
from services.common.smtp import MailServer, read_server
from services.intervention.answering.acknowledging import Acknowledging
from services.intervention.answering.acting import Acting
from services.intervention.answering.letter_servicer import QUERY_USE, LetterServicer
from services.intervention.answering.links import Links
from services.intervention.answering.presence import Pages
from services.intervention.answering.shown import Shown
from services.intervention.answering.signed import Signed
from services.intervention.answering.slack_reply import SlackReplies
from services.intervention.answering.unsubscribing import Unsubscribing
from services.intervention.answering.visiting import Visiting
from services.intervention.answering.waiting import Waiting
from services.intervention.channels.mail import Mail
from services.intervention.channels.pagerduty import PagerDuty
from services.intervention.channels.slack import Slack
from services.intervention.channels.teams import Teams
from services.intervention.channels.twilio import Account, Twilio
from services.intervention.channels.webhook import Webhook
from services.intervention.clock import wall_ms
from services.intervention.database import FAILURES
from services.intervention.deciding.addresses import Addresses
from services.intervention.deciding.court import Court
from services.intervention.deciding.decider import Decider
from services.intervention.deciding.durable import DurablePath
from services.intervention.deciding.identities import Identities
from services.intervention.deciding.people import People
from services.intervention.deciding.policies import Policies
from services.intervention.deciding.proposal import Recommender
from services.intervention.deciding.pulse import Pulse
from services.intervention.deciding.writer import Writer
from services.intervention.escalation.asking import Asking
from services.intervention.escalation.evidence import Evidence
from services.intervention.escalation.following import GROUP, Following
from services.intervention.escalation.reaching import Reaching
from services.intervention.escalation.rotas import RotasInForce
from services.intervention.escalation.timers import ESCALATE, SETTLE, TELL, Timers
from services.intervention.escalation.windows import Windows
from services.intervention.experiments.draws import Draws
from services.intervention.experiments.in_force import ExperimentsInForce
from services.intervention.experiments.observing import Observing
from services.intervention.experiments.shares import Shares
from services.intervention.forgetting import Forgetting
from services.intervention.loops import Loops, first_end
from services.intervention.metrics import METRICS, Parts
from services.intervention.retention import Retention
from services.intervention.sending.breaker import Breaker
from services.intervention.sending.budgets import Budgets, read_rates
from services.intervention.sending.dispatcher import Dispatcher, Sender
from services.intervention.sending.relay import Relay
from services.intervention.sending.secrets import Sealer
from services.intervention.sending.settlement import Settlement
from services.intervention.sending.settling import Settling
from services.intervention.servicer import InterventionServicer
from services.intervention.settings import Settings
from services.intervention.store.promises import Promise
from services.intervention.switches import Switches
from services.intervention.web.app import Hooks, build_app
from services.intervention.web.hooks import TwilioHook
from services.intervention.web.page import IntervenePage
from services.intervention.web.pagerduty_hook import PagerDutyHook
from services.intervention.web.query_page import QueryPage
from services.intervention.web.slack_hook import SlackHook
from services.intervention.web.unsubscribe_hook import UnsubscribeHook

SCHEMA = "intervention"
MIGRATIONS = Path(__file__).parent / "migrations"
SERVICE = service_pb2.DESCRIPTOR.services_by_name["InterventionService"].full_name
LETTER_SERVICE = letter_service_pb2.DESCRIPTOR.services_by_name["LetterService"].full_name
_DRAIN_S = 12.0
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
    pool = await postgres.connect(settings.postgres_url, schema=SCHEMA, max_size=10)
    # A Decide must never queue for a connection behind a burst of messages and callbacks.
    writer_pool = await postgres.connect(settings.postgres_url, schema=SCHEMA, max_size=4)
    pulse = await Pulse.open(settings.postgres_url, SCHEMA)
    log = open_log(settings.log_url)
    hot = state.connect(settings.state_url)
    channel = connect(
        settings.identity_addr, make_token(settings.mesh_secret, subject="intervention")
    )
    http = Http()

    relay = Relay(pool, log)
    sealer = Sealer(settings.mesh_secret)
    switches = Switches(pool)
    waiting = Waiting(pool, switches, wall_ms, committed=relay.wake)
    links = Links(settings.mesh_secret)
    queries = Signed(settings.mesh_secret, QUERY_USE)
    dispatcher = Dispatcher(
        pool,
        _senders(settings, http, server, unsubscribing),
        sealer,
        wall_ms,
        budgets=Budgets(pool, rates),
        breaker=Breaker(time.monotonic),
        switches=switches,
        committed=relay.wake,
    )

    def committed(promise: Promise, messages: bool) -> None:
        relay.hand(promise)
        if messages:
            dispatcher.wake()

    recommender = Recommender(
        links,
        sealer,
        public_url=settings.public_url,
        slack_acts=bool(settings.slack_signing_secret),
    )
    court = Court(recommender)
    writer = Writer(writer_pool, court, wall_ms, pulse=pulse, committed=committed)
    policies = Policies(channel)
    experiments = ExperimentsInForce(channel)
    shares = Shares(pool)
    draws = Draws(experiments, shares, writer_pool)
    observing = Observing(pool)
    identities = Identities(channel)
    pages = Pages(hot)
    addresses = Addresses(writer_pool, sealer)
    people = People(channel, monotonic=time.monotonic, addresses=addresses)
    decider = Decider(
        policies,
        identities,
        people,
        switches,
        draws,
        writer,
        wall_ms,
    )
    visiting = Visiting(pool, links, people, wall_ms)
    rotas = RotasInForce(channel)
    asking = Asking(policies, people, identities, rotas, recommender, promised=dispatcher.wake)
    windows = Windows(
        asking, identities, recommender, mail_ready=server.complete, promised=dispatcher.wake
    )
    timers = Timers(
        pool,
        wall_ms,
        {ESCALATE: asking.escalate, SETTLE: windows.settle, TELL: Reaching(asking).look},
        committed=relay.wake,
    )
    following = Following(pool, Evidence(log), timer_set=timers.wake, committed=relay.wake)
    acting = Acting(
        pool,
        visiting,
        policies,
        pages,
        switches,
        wall_ms,
        window_ms=round(settings.act_window_s * 1000),
        committed=relay.wake,
        timer_set=timers.wake,
    )
    acknowledging = Acknowledging(pool, wall_ms, committed=relay.wake)
    replies = SlackReplies(
        http,
        visiting,
        acknowledging,
        wall_ms,
        allowed_private_hosts=settings.allowed_private_hosts,
    )
    hooks = Hooks(
        TwilioHook(
            pool,
            wall_ms,
            auth_token=settings.twilio_auth_token,
            public_url=settings.public_url,
            committed=relay.wake,
        ),
        SlackHook(visiting, acknowledging, replies, wall_ms, secret=settings.slack_signing_secret),
        PagerDutyHook(pool, acknowledging, secrets=settings.pagerduty_webhook_secrets),
        UnsubscribeHook(pool, unsubscribing, wall_ms),
    )
    forgetting = Forgetting(pool, sealer)
    retention = Retention(pool, settings, wall_ms)
    durable = DurablePath(pool, decider, waiting, pages, wall_ms)
    metrics.publish(
        METRICS,
        Parts(
            decider,
            asking,
            dispatcher,
            draws,
            durable,
            experiments,
            following,
            forgetting,
            hooks,
            identities,
            observing,
            pages,
            people,
            policies,
            relay,
            retention,
            timers,
            windows,
            waiting,
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
    decisions: Consumer[pb.Decision] = Consumer(
        log,
        group=GROUP,
        topic=DECISION,
        decode=pb.Decision.FromString,
        handle=following.handle,
        linger_s=0.2,
    )
    shown = Shown(pool)
    settling = Settling(pool, Settlement(pool, sealer, wall_ms), dispatcher)

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

    page = IntervenePage(visiting, acting, identities, pages, wall_ms)
    web = HttpServer(build_app(page, QueryPage(queries), hooks), settings.http_listen)
    grpc_server = GrpcServer(settings.listen, settings.mesh_secret)
    rpc.add_InterventionServiceServicer_to_server(
        InterventionServicer(decider, waiting, forgetting, switches, wall_ms), grpc_server.raw
    )
    letter_service_pb2_grpc.add_LetterServiceServicer_to_server(
        LetterServicer(
            pool,
            links,
            unsubscribing,
            sealer,
            queries,
            wall_ms,
            public_url=settings.public_url,
        ),
        grpc_server.raw,
    )
    # A tenant that is stopped stays so from the first decision on.
    await switches.read()
    loops = Loops()
    loops.start(
        writer.run(),
        relay.run(),
        policies.watch(),
        experiments.watch(),
        shares.watch(),
        switches.watch(),
        rotas.watch(),
        timers.run(),
        retention.run(),
    )
    readers = Loops()
    sending = asyncio.create_task(dispatcher.run())
    try:
        await web.start()
        await grpc_server.start([SERVICE, LETTER_SERVICE])
        readers.start(emotions.run(), decisions.run(), outcomes.run(), observed.run())
        _log.info("serving", grpc=settings.listen, http=settings.http_listen)
        await first_end(*loops.tasks, *readers.tasks, sending)
    finally:
        await grpc_server.stop()
        await web.stop()
        await replies.close()
        await readers.stop()
        dispatcher.stop()
        await asyncio.wait([sending], timeout=2.0)
        await dispatcher.drain(_DRAIN_S)
        await loops.stop()
        # The log may be away; the rows stay for the next process.
        with contextlib.suppress(LogUnavailable, *FAILURES):
            async with asyncio.timeout(2.0):
                await relay.flush_handed()
                await relay.forget_kept()
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
        await pulse.close()


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
