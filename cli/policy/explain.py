"""`sentientiq policy explain`: every condition that was looked at, and what came of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import click

from cli.policy.documents import json_option
from cli.policy.files import read_body, read_policy

if TYPE_CHECKING:
    from services.intervention.policy import Facts, Policy
    from services.intervention.policy.explain import Explanation


@click.command()
@click.argument("file")
@click.option("--facts", "written", metavar="JSON", help="Facts as a record holds them; - reads.")
@click.option("--emotion", default="rage", show_default=True)
@click.option("--confidence", default=80, show_default=True, type=click.IntRange(0, 100))
@click.option("--trigger", default="")
@click.option("--page", default="/")
@click.option("--element", default="")
@click.option("--value", metavar="CUR:AMOUNT", help="For example USD:1200.50; --low its lower end.")
@click.option("--low", metavar="AMOUNT", help="Lower end of the value's interval.")
@click.option("--assurance", default="verified", show_default=True,
              type=click.Choice(["anonymous", "inferred", "claimed", "verified"]))  # fmt: skip
@click.option("--tier", default="", type=click.Choice(["", "starter", "growth", "enterprise"]))
@click.option("--company", default="")
@click.option("--zone", default="", help="IANA zone of the visitor.")
@click.option("--at", metavar="TIME", help="ISO 8601 with offset; now.")
@json_option
def explain(file: str, written: str | None, as_json: bool, **given: Any) -> None:
    """Say why the policy of FILE chooses what it chooses, for an emotion that you describe.

    Guards have given nothing yet. To see what a stored decision saw, give its facts:
    `sentientiq policy explain FILE --facts "$(… | jq .facts)"`.
    """
    import msgspec

    from services.intervention.policy.explain import explain as why
    from services.intervention.policy.ledger import LiveReadings

    policy = read_policy(file)
    facts = _read(written) if written is not None else _facts(policy, given)
    found = why(policy, facts, LiveReadings({}))
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        _show(found)


def _read(written: str) -> Facts:
    import msgspec

    from services.intervention.policy import Facts

    body = read_body("-") if written == "-" else written.encode()
    try:
        return msgspec.json.decode(body, type=Facts)
    except msgspec.MsgspecError as error:
        raise click.BadParameter(str(error), param_hint="--facts") from error


def _facts(policy: Policy, given: dict[str, Any]) -> Facts:
    from datetime import datetime

    from services.intervention.deciding.gather import minute_of_week
    from services.intervention.deciding.simulation import EVERYBODY
    from services.intervention.policy import Facts

    try:
        at = given["at"]
        now_ms = round((datetime.fromisoformat(at).timestamp() if at else time.time()) * 1000)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--at") from error
    currency, value, low = _money(given["value"], given["low"])
    levels = ("anonymous", "inferred", "claimed", "verified")
    return Facts(
        now_ms=now_ms,
        emotion=given["emotion"],
        confidence=given["confidence"],
        trigger=given["trigger"],
        page=given["page"],
        element=given["element"],
        company=given["company"],
        tier=given["tier"],
        assurance=levels.index(given["assurance"]),
        currency=currency,
        value=value,
        value_low=low,
        user_id="" if given["assurance"] == "anonymous" else "somebody",
        visitor_minute=minute_of_week(given["zone"], now_ms),
        team_minute=minute_of_week(policy.zone, now_ms),
        recipients=dict.fromkeys(policy.asks.get(given["emotion"], ()), EVERYBODY),
    )


def _money(value: str | None, low: str | None) -> tuple[str, int, int]:
    from decimal import Decimal, InvalidOperation

    from services.intervention.policy import PolicyError
    from services.intervention.policy.conditions import minor_units
    from services.intervention.policy.facts import UNKNOWN

    if value is None:
        return "", 0, UNKNOWN
    currency, _, amount = value.partition(":")
    try:
        worth = minor_units("--value", currency, Decimal(amount))
        least = UNKNOWN if low is None else minor_units("--low", currency, Decimal(low))
    except (PolicyError, InvalidOperation) as error:
        raise click.BadParameter(
            f"expected for example USD:1200.50: {error}", param_hint="--value"
        ) from error
    return currency, worth, least


def _show(found: Explanation) -> None:
    for visit in found.visits:
        margin = "  " * visit.depth
        click.echo(f"{margin}{'✓' if visit.matched else '✗'} {visit.rule}")
        for step in visit.steps:
            click.echo(f"{margin}    {'✓' if step.holds else '✗'} {step.text}  ({step.path})")
    for choice in found.choices:
        why = ": ".join(filter(None, cast("tuple[str, ...]", (choice.refused, choice.detail))))
        click.echo(f"{'→' if not why else ' '} {choice.part}: {choice.action} ({choice.template})"
                   + (f"  not, {why}" if why else ""))  # fmt: skip
    said = f"{found.reason} ({found.detail})" if found.detail else found.reason
    click.echo(f"reason: {said}")
