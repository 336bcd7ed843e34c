"""`sentientiq recommendations`: list, show, close, hand over, appeal, rule, rebuild."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli.options import data_option
from cli.recommendations import calls

_STATES = ("open", "delivered", "seen", "acted", "acted_late", "declined", "ignored", "expired")
_REASONS = ("not_now", "not_mine", "false_alarm", "handled_already", "not_worth_it", "other")
_data = data_option("SIQ_ACCOUNTABILITY_ADDR")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
_note = click.option("--note", default="", help="What you want to be kept with it.")
_key = click.option(
    "--key", default="", help="Your own key of this: repeated with it, it counts once."
)
_moment = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.group()
def command() -> None:
    """What the team was asked to do and what became of it (docs/accountability.md).

    Talks to SIQ_ACCOUNTABILITY_ADDR with SIQ_MESH_SECRET, else to the mesh that runs on this
    machine.
    """


@command.command("list")
@click.argument("tenant")
@click.option("--state", "states", multiple=True, type=click.Choice([*_STATES, "void"]))
@click.option("--owner", default="", help="Whose they are now.")
@click.option("--since", type=_moment, help="Decided at this moment (UTC) or later.")
@click.option("--until", type=_moment, help="Decided before this moment (UTC).")
@click.option("--due-before", type=_moment, help="Unanswered, and due before this moment (UTC).")
@click.option("--appealed", is_flag=True, help="With an appeal that waits for a ruling.")
@click.option("--last", type=click.IntRange(1, 100_000), default=50, show_default=True)
@_json
@_data
def list_(
    tenant: str,
    states: tuple[str, ...],
    owner: str,
    since: datetime | None,
    until: datetime | None,
    due_before: datetime | None,
    appealed: bool,
    last: int,
    as_json: bool,
    data: Path,
) -> None:
    """Show TENANT's recommendations, the newest first."""
    from sentientiq.accountability.v1 import accountability_service_pb2 as pb

    from cli.recommendations import text

    request = pb.ListRecommendationsRequest(
        tenant_id=tenant,
        person_id=owner,
        states=[pb.RecommendationState.Value(f"RECOMMENDATION_STATE_{s.upper()}") for s in states],
        since_ms=_ms(since),
        until_ms=_ms(until),
        due_before_ms=_ms(due_before),
        under_appeal=appealed,
    )

    async def pages(stub: Any) -> list[Any]:
        found: list[Any] = []
        while len(found) < last:
            request.page_size = min(1000, last - len(found))
            answer = await stub.ListRecommendations(request)
            found += answer.recommendations
            request.page_token = answer.next_page_token
            if not request.page_token:
                break
        return found

    records = calls.ask(data, pages)
    if as_json:
        for record in records:
            click.echo(text.as_json(record))
    else:
        click.echo(text.table(records))


@command.command()
@click.argument("tenant")
@click.argument("decision")
@_json
@_data
def show(tenant: str, decision: str, as_json: bool, data: Path) -> None:
    """Show DECISION of TENANT: its history, its owners, and what is said of them."""
    from sentientiq.accountability.v1 import accountability_service_pb2 as pb

    request = pb.GetRecommendationRequest(tenant_id=tenant, decision_id=decision)
    _say(data, lambda stub: stub.GetRecommendation(request), as_json)


@command.command()
@click.argument("tenant")
@click.argument("decision")
@click.option("--by", default="", help="Who closed it; else whose it is.")
@click.option("--declined", type=click.Choice(_REASONS), help="They said no, for this reason.")
@_note
@_key
@_json
@_data
def close(
    tenant: str,
    decision: str,
    by: str,
    declined: str | None,
    note: str,
    key: str,
    as_json: bool,
    data: Path,
) -> None:
    """Say that DECISION of TENANT was dealt with, or declined."""
    from sentientiq.accountability.v1 import accountability_service_pb2 as pb

    request = pb.TaskClosedRequest(
        tenant_id=tenant,
        decision_id=decision,
        person_id=by,
        end=pb.TASK_END_DECLINED if declined else pb.TASK_END_DONE,
        note=note,
        idempotency_key=key,
        channel="cli",
    )
    if declined:
        request.reason = pb.DeclineReason.Value(f"DECLINE_REASON_{declined.upper()}")
    _say(data, lambda stub: stub.TaskClosed(request), as_json)


@command.command("hand-over")
@click.argument("tenant")
@click.argument("decision")
@click.argument("person")
@_note
@_key
@_json
@_data
def hand_over(
    tenant: str, decision: str, person: str, note: str, key: str, as_json: bool, data: Path
) -> None:
    """Make DECISION of TENANT PERSON's to answer. Its deadline stays."""
    from sentientiq.accountability.v1 import accountability_service_pb2 as pb

    request = pb.HandOverRequest(
        tenant_id=tenant,
        decision_id=decision,
        to_person_id=person,
        note=note,
        idempotency_key=key,
    )
    _say(data, lambda stub: stub.HandOver(request), as_json)


@command.command()
@click.argument("tenant")
@click.argument("decision")
@click.argument("person")
@click.argument("reason", type=click.Choice(["never_saw", "false_alarm"]))
@_note
@_json
@_data
def appeal(
    tenant: str, decision: str, person: str, reason: str, note: str, as_json: bool, data: Path
) -> None:
    """Contest for PERSON what is said of them about DECISION of TENANT."""
    from sentientiq.accountability.v1 import accountability_service_pb2 as pb

    request = pb.AppealRequest(
        tenant_id=tenant,
        decision_id=decision,
        person_id=person,
        reason=pb.AppealReason.Value(f"APPEAL_REASON_{reason.upper()}"),
        note=note,
    )
    _say(data, lambda stub: stub.Appeal(request), as_json)


@command.command()
@click.argument("tenant")
@click.argument("decision")
@click.argument("person")
@click.argument("ruling", type=click.Choice(["granted", "refused"]))
@click.option("--by", required=True, help="Who rules; never who appealed.")
@_note
@_json
@_data
def rule(
    tenant: str,
    decision: str,
    person: str,
    ruling: str,
    by: str,
    note: str,
    as_json: bool,
    data: Path,
) -> None:
    """Decide the appeal of PERSON about DECISION of TENANT. The first ruling stands."""
    from sentientiq.accountability.v1 import accountability_service_pb2 as pb

    request = pb.RuleOnAppealRequest(
        tenant_id=tenant,
        decision_id=decision,
        person_id=person,
        by_person_id=by,
        granted=ruling == "granted",
        note=note,
    )
    _say(data, lambda stub: stub.RuleOnAppeal(request), as_json)


@command.command()
@click.argument("tenant")
@click.argument("decision")
@click.argument("person")
@click.argument("answer", type=click.Choice(["right", "wrong"]))
@_note
@_json
@_data
def feedback(
    tenant: str, decision: str, person: str, answer: str, note: str, as_json: bool, data: Path
) -> None:
    """Say for PERSON whether the emotion behind DECISION of TENANT was right."""
    from sentientiq.accountability.v1 import accountability_service_pb2 as pb

    request = pb.GiveFeedbackRequest(
        tenant_id=tenant,
        decision_id=decision,
        person_id=person,
        right=answer == "right",
        note=note,
    )
    _say(data, lambda stub: stub.GiveFeedback(request), as_json)


@command.command()
@click.argument("tenant")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@_data
def labels(tenant: str, folder: Path, data: Path) -> None:
    """Write what TENANT's people said of emotions to DIR, for `sentientiq calibrate`.

    DIR/TENANT.feedback.csv is written anew each time; recordings and their labels may stand
    beside it.
    """
    from cli.calibrate.feedback import FEEDBACK_SUFFIX, write_feedback
    from cli.recommendations.feedback import read_all

    records = calls.ask(data, lambda stub: read_all(stub, tenant))
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{tenant}{FEEDBACK_SUFFIX}"
    count = write_feedback(target, records)
    click.echo(f"{target}: {count} labels; `sentientiq calibrate {folder}` takes them")


@command.command()
@click.option(
    "--drop",
    is_flag=True,
    help="Forget first what the tables hold; refused if the log no longer has all of it.",
)
@_json
@_data
def rebuild(drop: bool, as_json: bool, data: Path) -> None:
    """Make the ledger again from decision.v1 and outcome.v1.

    Reads SIQ_POSTGRES_URL and SIQ_LOG_URL, else those of the mesh that runs on this machine. The
    service may go on meanwhile.
    """
    done = calls.rebuild(data, drop=drop)
    if as_json:
        click.echo(json.dumps(asdict(done)))
        return
    click.echo(
        f"{done.decisions} decisions and {done.outcomes} outcomes read,"
        f" {done.recommendations} recommendations folded, {done.unreadable} records unreadable"
    )


def _ms(moment: datetime | None) -> int:
    return 0 if moment is None else round(moment.replace(tzinfo=UTC).timestamp() * 1000)


def _say(data: Path, call: Callable[[Any], Any], as_json: bool) -> None:
    from cli.recommendations import text

    record = calls.ask(data, call).recommendation
    click.echo(text.as_json(record) if as_json else text.shown(record))
