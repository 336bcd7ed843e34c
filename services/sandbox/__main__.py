"""`python -m services.sandbox`: stand in for providers in try-outs. Nothing leaves this machine."""

from __future__ import annotations

import asyncio

from services.common import logs
from services.common.http import HttpServer
from services.common.process import run
from services.sandbox.app import build_app
from services.sandbox.callbacks import Callbacks
from services.sandbox.faults import Faults
from services.sandbox.inbox import Inbox
from services.sandbox.mail import MailIntake
from services.sandbox.pressing import Target
from services.sandbox.settings import Settings

_log = logs.get(__name__)


async def serve(settings: Settings) -> None:
    """Answer until cancelled."""
    callbacks = Callbacks()
    target = Target(
        f"http://{settings.http_listen}",
        settings.hooks_url,
        settings.slack_signing_secret,
        settings.pagerduty_webhook_secret,
    )
    inbox = Inbox()
    app = build_app(inbox, Faults(), callbacks, target)
    server = HttpServer(app, settings.http_listen, grace_s=1)
    mail = MailIntake(inbox, settings.smtp_listen)
    try:
        if settings.smtp_listen:
            await mail.start()
        await server.start()
        _log.info("sandbox: nothing leaves this machine", http=settings.http_listen)
        await asyncio.Event().wait()
    finally:
        mail.stop()
        await server.stop()
        await callbacks.close()


if __name__ == "__main__":
    run("sandbox", Settings, serve)
