"""Both documents of a tenant looked at together, before either is put."""

from __future__ import annotations

from pathlib import Path

from cli.errors import CliError

EXPERIMENTS, POLICY = "experiments", "policy"


def require_fit(data: Path, tenant: str, kind: str, body: bytes) -> None:
    """Check that a document goes with the tenant's other one in force.

    Raises:
        CliError: an arm's template does not go with its rule; the message names the mend.
    """
    from cli.tenants import ask
    from services.intervention.experiments.checks import ExperimentError, parse_experiments
    from services.intervention.experiments.fitting import UnfitArm, check_fit
    from services.intervention.policy import PolicyError, builtin_policy, parse_policy

    other = EXPERIMENTS if kind == POLICY else POLICY
    found = ask(data, lambda tenants: tenants.config(tenant, other))
    bodies = {kind: ("document", body)}
    if found is not None:
        bodies[other] = (f"tenant@{found.version}", found.body)
    if EXPERIMENTS not in bodies:
        return
    try:
        policy = parse_policy(*bodies[POLICY]) if POLICY in bodies else builtin_policy()
        check_fit(parse_experiments(*bodies[EXPERIMENTS]), policy)
    except UnfitArm as error:
        raise CliError(str(error)) from error
    except (ExperimentError, PolicyError):
        return  # the one in force cannot be used: what is put now may be its mend
