"""`sentientiq policy put | get | check | diff | schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import mesh
from cli.experiment.fitting import require_fit
from cli.policy.files import read_body, read_policy

if TYPE_CHECKING:
    from services.intervention.policy import Policy
    from services.intervention.policy.compiled import Node

KIND = "policy"
data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=mesh.DEFAULT_DATA,
    show_default=True,
    help="Folder of the running mesh, where SIQ_IDENTITY_ADDR is not set.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")


@click.command()
@click.argument("tenant")
@click.argument("file")
@data_option
def put(tenant: str, file: str, data: Path) -> None:
    """Check FILE and make it TENANT's next version; in force within a second."""
    from cli.tenants import ask

    for warning in warnings_of(read_policy(file)):
        click.echo(f"warning: {warning}", err=True)
    body = read_body(file)
    require_fit(data, tenant, KIND, body)
    version = ask(data, lambda tenants: tenants.put_config(tenant, KIND, body))
    click.echo(f"policy of {tenant} is now version {version}")


@click.command()
@click.argument("tenant")
@data_option
def get(tenant: str, data: Path) -> None:
    """Print TENANT's policy as it was put; its number goes to standard error."""
    from cli.tenants import ask

    found = ask(data, lambda tenants: tenants.config(tenant, KIND))
    if found is None:
        raise click.ClickException(
            f"{tenant} has no policy of its own: `sentientiq policy get` prints none,"
            f" the builtin one is in force; store one with `sentientiq policy put {tenant} FILE`"
        )
    click.echo(f"version {found.version}", err=True)
    click.echo(found.body, nl=False)


@click.command()
@click.argument("file")
@json_option
def check(file: str, as_json: bool) -> None:
    """Say whether FILE can be used; if not, where in it and what to do."""
    policy = read_policy(file)
    warnings = warnings_of(policy)
    rules = [node.name for node in policy.rules()]
    if as_json:
        click.echo(json.dumps({"ok": True, "rules": rules, "warnings": warnings}))
        return
    for warning in warnings:
        click.echo(f"warning: {warning}")
    own = sorted(set(policy.templates) - _builtin_names())
    click.echo(
        f"{file} is good: {len(rules)} rules, {len(own)} templates of its own;"
        f" digest {policy.digest}"
    )


@click.command()
@click.argument("before")
@click.argument("after")
@json_option
def diff(before: str, after: str, as_json: bool) -> None:
    """Say what changed from BEFORE to AFTER, by the names of rules and guards."""
    import msgspec

    from services.intervention.policy.differences import differences
    from services.intervention.policy.reading import read_document

    for file in (before, after):
        read_policy(file)  # says what is wrong with it
    changes = differences(read_document(read_body(before)), read_document(read_body(after)))
    if as_json:
        click.echo(msgspec.json.encode({"changes": changes}))
        return
    marks = {"added": "+", "removed": "-", "changed": "~", "moved": "↕"}
    for one in changes:
        said = f"{marks[one.kind]} {one.path}"
        if one.kind in ("changed", "removed"):
            said += f": {_short(one.before)}"
        if one.kind in ("changed", "added"):
            said += f" → {_short(one.after)}" if one.kind == "changed" else f": {_short(one.after)}"
        click.echo(said)
    if not changes:
        click.echo("the same policy, whatever the spelling")


@click.command()
def schema() -> None:
    """Print the JSON Schema of policies."""
    from services.intervention.policy.schema import policy_schema

    click.echo(policy_schema(), nl=False)


def warnings_of(policy: Policy) -> list[str]:
    """What can be used and is hardly meant."""
    found: list[str] = []
    _unreachable(policy.nodes, found)
    return found


def _unreachable(nodes: tuple[Node, ...], found: list[str]) -> None:
    before: str | None = None
    for node in nodes:
        if before is not None:
            found.append(f"{node.path}: {node.name!r} is never reached, since {before!r} takes all")
        if not node.tests and node.parts is not None:
            before = before or node.name
        _unreachable(node.children, found)


def _builtin_names() -> set[str]:
    from services.intervention.templates.template import builtin_templates

    return set(builtin_templates())


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 100 else f"{text[:97]}…"
