"""Where a report's units come from: a file, or the exposure log of a mesh."""

from __future__ import annotations

import gzip
import io
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import intervention_store
from cli.errors import CliError
from services.intervention.experiments.checks import ExperimentError, Trial, parse_experiments
from services.intervention.experiments.observed import Observed
from services.intervention.experiments.tables import TableError, read_table

if TYPE_CHECKING:
    from services.intervention.experiments.payments import Payments

_GZIP = b"\x1f\x8b"


def from_file(trial: Trial, path: str) -> Observed:
    """Read a CSV, gzipped or not."""
    raw = Path(path).read_bytes()
    try:
        text = (gzip.decompress(raw) if raw.startswith(_GZIP) else raw).decode("utf-8-sig")
        return read_table(trial, io.StringIO(text, newline=""))
    except TableError as error:
        raise CliError(f"{path}: {error}") from error
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise CliError(f"{path}: not CSV, or not gzip: {error}") from error


def from_mesh(data: Path, tenant: str, name: str, now_ms: int) -> tuple[Trial, Observed]:
    """The tenant's document in force, and what intervention and identity know of its units."""
    trial = _in_force(data, tenant, name)
    payments = _payments(data, tenant, trial, now_ms)
    return trial, intervention_store.ask(
        data, lambda pool: _observed(pool, tenant, trial, now_ms, payments)
    )


def reweigh(data: Path, tenant: str, name: str, now: datetime) -> tuple[int, dict[str, float]]:
    """Put new shares of an adaptive experiment in force. Returns their version and the shares."""
    from services.intervention.experiments.adaptive import next_shares, store_shares

    trial = _in_force(data, tenant, name)
    now_ms = int(now.timestamp() * 1000)
    payments = _payments(data, tenant, trial, now_ms) if trial.spec.adaptive else None

    async def renew(pool: Any) -> tuple[int, tuple[float, ...]]:
        observed = await _observed(pool, tenant, trial, now_ms, payments)
        settled = observed.settled(now_ms, trial.spec.plan.settle_hours)
        shares = next_shares(trial, settled)
        version = await store_shares(pool, tenant, trial, shares, units=settled.units, at_ms=now_ms)
        return version, shares

    try:
        version, shares = intervention_store.ask(data, renew)
    except ExperimentError as error:
        raise CliError(str(error)) from error
    return version, dict(zip(trial.names, shares, strict=True))


async def _observed(
    pool: Any, tenant: str, trial: Trial, now_ms: int, payments: Payments | None
) -> Observed:
    from services.intervention.experiments.observations import read_observed
    from services.intervention.experiments.payments import asked_by

    whole, sums = asked_by(trial), payments.sums if payments else None
    return await read_observed(pool, tenant, trial, now_ms, whole=whole, sums=sums)


def _payments(data: Path, tenant: str, trial: Trial, now_ms: int) -> Payments | None:
    """What its people paid, where a metric is made of that; read anew, since some is told late."""
    from sentientiq.identity.v1.transaction_service_pb2_grpc import TransactionServiceStub

    from cli.tenants import ask_identity
    from services.common.errors import ResourceExhausted
    from services.intervention.experiments.payments import asked_by, exposed, read_payments

    if not asked_by(trial):
        return None
    people = intervention_store.ask(data, lambda pool: exposed(pool, tenant, trial, now_ms))
    first_ms = min(people.values(), default=now_ms)
    with click.progressbar(
        length=max(1, now_ms - first_ms),
        label="payments",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as bar:

        def seen(at_ms: int) -> None:
            bar.update(max(0, at_ms - first_ms - bar.pos))

        try:
            return ask_identity(
                data,
                TransactionServiceStub,
                lambda stub: read_payments(stub, tenant, people, now_ms, seen),
            )
        except ResourceExhausted as error:
            raise CliError(str(error)) from error


def _in_force(data: Path, tenant: str, name: str) -> Trial:
    from cli.tenants import ask
    from services.intervention.experiments.in_force import KIND

    found = ask(data, lambda tenants: tenants.config(tenant, KIND))
    if found is None:
        raise CliError(
            f"{tenant} has no {KIND} document: store one with"
            f" `sentientiq config put {tenant} {KIND} FILE`"
        )
    try:
        return parse_experiments(f"tenant@{found.version}", found.body).reported(name)
    except ExperimentError as error:
        raise CliError(str(error)) from error
