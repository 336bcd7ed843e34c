"""`sentientiq config`: a tenant's documents, through TenantService.

A document is checked here before it is sent; the process that reads it checks it again, since
others can send one too.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click
import msgspec

from cli.experiment.fitting import EXPERIMENTS, require_fit
from cli.options import data_option

if TYPE_CHECKING:
    from collections.abc import Callable
from importlib import import_module

_data = data_option("SIQ_IDENTITY_ADDR")
_Table = dict[str, object]


class _Unusable(ValueError):
    """A file does not hold the document it should."""


def _from_toml(raw: bytes) -> bytes:
    """Check a detection document, and turn it into the JSON that is stored."""
    from services.detection.tuning import TuningError, read

    try:
        document = tomllib.loads(raw.decode())
        read(document)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _Unusable(f"not TOML: {error}") from error
    except TuningError as error:
        raise _Unusable(str(error)) from error
    return json.dumps(document, ensure_ascii=False).encode()


def to_toml(body: bytes) -> str:
    """Write a detection document as the TOML it came from."""
    document = cast("_Table", json.loads(body))
    lines: list[str] = []
    for key, value in document.items():
        if isinstance(value, dict):
            pairs = ", ".join(f"{k} = {v}" for k, v in cast("_Table", value).items())
            lines.append(f"{key} = {{{pairs}}}" if pairs else f"{key} = {{}}")
        else:
            # JSON's strings are TOML's, but for one character.
            words = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
            lines.append(f"{key} = {words}")
    return "\n".join(lines) + "\n" if lines else ""


def _read_by(name: str, *before: str) -> Callable[[bytes], bytes]:
    """Check a document with the service's own reader, which is loaded when it is needed."""
    module, _, reader = name.rpartition(".")

    def check(raw: bytes) -> bytes:
        try:
            getattr(import_module(module), reader)(*before, raw)
        except ValueError as error:
            raise _Unusable(str(error)) from error
        return raw

    return check


def _json_object(raw: bytes) -> bytes:
    try:
        # As the edge reads it; `json` also takes NaN, Infinity and halves of surrogates.
        document: object = msgspec.json.decode(raw)
    except (ValueError, RecursionError) as error:
        raise _Unusable(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise _Unusable("expected a JSON object")
    return raw


_READERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "detection": _from_toml,
    "experiments": _read_by(
        "services.intervention.experiments.checks.parse_experiments", "document"
    ),
    "on_call": _read_by("services.intervention.escalation.rota.parse_rotas", "document"),
    "outcomes": _read_by("services.accountability.outcomes.document.parse_mapping"),
    "sdk": _json_object,
    "company": _read_by("services.identity.company.rules.parse"),
    "graph": _read_by("services.identity.graph.rules.parse_rules"),
    "identity": _read_by("services.identity.token_policy.parse_policy"),
    "value": _read_by("services.identity.value.rules.read_rules"),
    "rates": _read_by("services.identity.value.rates.read_rates"),
    "accountability": _read_by("services.accountability.document.parse_document", "document"),
}
_kind = click.argument("kind", type=click.Choice(list(_READERS)))


@click.group()
def command() -> None:
    """Read and change a tenant's documents; a change is in force within a second.

    \b
    detection  TOML: threshold = {rage = 60}, off = ["hesitation"], ignore = ["button#like"]
    experiments  JSON: holdouts, and what is tried on whom (docs/experiments.md)
    on_call    YAML: who of the team has the turn when (docs/intervene.md)
    outcomes   JSON: which events and payments are a purchase, churn, … (docs/cost.md)
    sdk        JSON: what the page's script is told
    company    JSON: whose a domain is, and where more is known (docs/company.md)
    graph      JSON: what joins visits of one person (docs/graph.md)
    identity   JSON: which tokens prove who a visitor is (docs/tokens.md)
    value      JSON: currency, horizon, tiers, and what users of a plan are worth
    rates      JSON: exchange rates by currency and date
    accountability  JSON: working hours, deadlines, what is fair (docs/accountability.md)

    \b
    Policies have commands of their own: `sentientiq policy`.
    Talks to SIQ_IDENTITY_ADDR with SIQ_MESH_SECRET, else to the mesh that runs on this machine.
    """


@command.command()
@click.argument("tenant")
@_kind
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@_data
def put(tenant: str, kind: str, file: str, data: Path) -> None:
    """Check FILE (`-`: standard input) and make it TENANT's next version."""
    from cli.tenants import ask

    with click.open_file(file, "rb") as opened:
        raw = cast("bytes", opened.read())
    try:
        body = _READERS[kind](raw)
    except _Unusable as error:
        raise click.ClickException(f"{file}: {error}") from error
    if kind == EXPERIMENTS:
        require_fit(data, tenant, kind, body)
    version = ask(data, lambda tenants: tenants.put_config(tenant, kind, body))
    click.echo(f"{kind} of {tenant} is now version {version}")


@command.command()
@click.argument("tenant")
@_kind
@_data
def get(tenant: str, kind: str, data: Path) -> None:
    """Print the version in force, as `put` takes it; its number goes to standard error."""
    from cli.tenants import ask

    found = ask(data, lambda tenants: tenants.config(tenant, kind))
    if found is None:
        raise click.ClickException(
            f"{tenant} has no {kind} document, the defaults are in force: store one with"
            f" `sentientiq config put {tenant} {kind} FILE`"
        )
    click.echo(f"version {found.version}", err=True)
    click.echo(to_toml(found.body) if kind == "detection" else found.body, nl=False)
