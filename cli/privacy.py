"""`sentientiq privacy`: what data subjects may ask for, through PrivacyService."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.options import data_option

if TYPE_CHECKING:
    from sentientiq.identity.v1 import privacy_service_pb2 as pb

T = TypeVar("T")
_Call = Callable[[Any], Awaitable[T]]

_data = data_option("SIQ_IDENTITY_ADDR")
_user = click.option("--user", default="", help="The tenant's id of a user.")
_session = click.option("--session", default="", help="A session of nobody who is named.")
_email = click.option("--email", default="", help="Everybody whose sessions carry the address.")


@click.group()
def command() -> None:
    """Erase a data subject, export what is known about them, and record what they agreed to.

    Talks to SIQ_IDENTITY_ADDR with SIQ_MESH_SECRET, else to the mesh that runs on this machine.
    docs/privacy.md says what erasing reaches and what it does not.
    """


@command.command()
@click.argument("tenant")
@_user
@_email
@_session
@click.option("--key", default="", help="Idempotency key: that of the attempt that broke off.")
@_data
def erase(tenant: str, user: str, email: str, session: str, key: str, data: Path) -> None:
    """Erase a subject of TENANT and print the signed certificate.

    Keep the output: `sentientiq audit certificate FILE` verifies it.
    """
    from sentientiq.identity.v1 import privacy_service_pb2 as pb

    subject = _subject(user, email, session)
    if not key:
        key = secrets.token_hex(16)
        click.echo(f"if this breaks off, repeat it with --key {key}", err=True)
    request = pb.EraseSubjectRequest(tenant_id=tenant, subject=subject, idempotency_key=key)
    answer: Any = _ask(data, lambda stub: stub.EraseSubject(request))
    shown = {
        "says": json.loads(answer.certificate),
        "certificate": answer.certificate.hex(),
        "signature": answer.signature.hex(),
        "public_key": answer.public_key.hex(),
    }
    click.echo(json.dumps(shown, indent=1))
    known = "SIQ_INTERVENTION_ADDR" in os.environ or "SIQ_IDENTITY_ADDR" not in os.environ
    if email or not known:
        click.echo(
            "decisions, guards and messages are intervention's: `sentientiq privacy forget"
            f" {tenant}` with --user or --session, and SIQ_INTERVENTION_ADDR",
            err=True,
        )
    else:
        _forget(tenant, user, session, data)


@command.command()
@click.argument("tenant")
@_user
@_session
@_data
def forget(tenant: str, user: str, session: str, data: Path) -> None:
    """Delete what intervention keeps of a subject of TENANT; `erase` does it where it can.

    Safe to repeat. Talks to SIQ_INTERVENTION_ADDR, else to the mesh that runs on this machine.
    """
    _subject(user, "", session)
    _forget(tenant, user, session, data)


def _forget(tenant: str, user: str, session: str, data: Path) -> None:
    from sentientiq.intervention.v1 import intervention_service_pb2 as pb

    from cli.policy.switch import ask_intervention

    request = pb.ForgetSubjectRequest(
        tenant_id=tenant, user_id=user, session_ids=[session] if session else []
    )
    gone: Any = ask_intervention(data, lambda stub: stub.ForgetSubject(request, timeout=600))
    click.echo(
        f"intervention forgot {gone.decisions} decisions and {gone.guards} memories of guards;"
        f" {gone.hashed} rows of experiments stand under a hash",
        err=True,
    )


@command.command()
@click.argument("tenant")
@_user
@_email
@_session
@_data
def export(tenant: str, user: str, email: str, session: str, data: Path) -> None:
    """Print everything that is kept about a subject of TENANT, one JSON object a line."""
    from sentientiq.identity.v1 import privacy_service_pb2 as pb

    request = pb.ExportSubjectRequest(tenant_id=tenant, subject=_subject(user, email, session))

    async def read(stub: Any) -> None:
        count = 0
        async for page in stub.ExportSubject(request):
            for record in page.records:
                click.echo(record)
            count += len(page.records)
            if sys.stderr.isatty():
                click.echo(f"\r{count} records", err=True, nl=False)

    _ask(data, read)


@command.command()
@click.argument("tenant")
@_user
@_session
@click.option("--grant", multiple=True, help="A topic that was agreed to. Repeatable.")
@click.option("--refuse", multiple=True, help="A topic that was refused. Repeatable.")
@click.option(
    "--source",
    type=click.Choice(["banner", "preferences", "support", "browser", "import"]),
    default="support",
    show_default=True,
    help="Where it was said.",
)
@_data
def consent(
    tenant: str,
    user: str,
    session: str,
    grant: tuple[str, ...],
    refuse: tuple[str, ...],
    source: str,
    data: Path,
) -> None:
    """Record and show what a subject of TENANT agreed to.

    Topics: support, marketing, analytics, sale (refused: do not sell), gpc (refused: the browser
    sends Global Privacy Control).
    """
    from sentientiq.identity.v1 import privacy_service_pb2 as pb

    subject, now_ms = _subject(user, "", session), int(time.time() * 1000)
    said = [
        pb.Consent(topic=_topic(topic), granted=granted, source=source, at_ms=now_ms)
        for topics, granted in ((grant, True), (refuse, False))
        for topic in topics
    ]
    setting = pb.SetConsentRequest(tenant_id=tenant, subject=subject, consents=said)
    getting = pb.GetConsentRequest(tenant_id=tenant, subject=subject)
    answer: Any = _ask(
        data, lambda stub: stub.SetConsent(setting) if said else stub.GetConsent(getting)
    )
    for one in answer.consents:
        topic = pb.ConsentTopic.Name(one.topic).removeprefix("CONSENT_TOPIC_").lower()
        click.echo(f"{topic} {'granted' if one.granted else 'refused'} ({one.source}, {one.at_ms})")


def _topic(word: str) -> pb.ConsentTopic.ValueType:
    from sentientiq.identity.v1 import privacy_service_pb2 as pb

    try:
        return pb.ConsentTopic.Value(f"CONSENT_TOPIC_{word.upper()}")
    except ValueError as error:
        raise click.BadParameter(f"{word!r} is no topic, see --help") from error


def _subject(user: str, email: str, session: str) -> pb.SubjectRef:
    from sentientiq.identity.v1 import privacy_service_pb2 as pb

    if sum(map(bool, (user, email, session))) != 1:
        raise click.UsageError("name the subject by one of --user, --email and --session")
    if user:
        return pb.SubjectRef(user_id=user)
    return pb.SubjectRef(email=email) if email else pb.SubjectRef(session_id=session)


def _ask(data: Path, call: _Call[T]) -> T:
    from sentientiq.identity.v1 import privacy_service_pb2_grpc as rpc

    from cli.tenants import ask_identity

    return ask_identity(data, rpc.PrivacyServiceStub, call)
