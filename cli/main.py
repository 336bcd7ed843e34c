"""The `sentientiq` command: every subcommand is imported only when it is called."""

from __future__ import annotations

import importlib

import click

_COMMANDS = {
    "up": ("cli.up.command", "Run the whole mesh on this machine and print one URL."),
    "serve": ("cli.serve", "Run one process of the mesh with the present environment."),
    "detect": ("cli.detect", "Find emotions in recordings; needs no engine."),
    "label": ("cli.label", "Judge the emotions found in recordings: right or wrong."),
    "calibrate": ("cli.calibrate.command", "Fit confidences to labels: models, a table, a curve."),
    "replay": ("cli.replay.command", "Play recordings through a running mesh."),
    "smoke": ("cli.smoke.command", "Check the whole line: 200 visitors in rage, 200 who act."),
    "doctor": ("cli.doctor.command", "Say what is fine here, what is not, and the mend."),
    "tenants": ("cli.tenants_command", "Create and list tenants, and keep their teams."),
    "keys": ("cli.keys", "Publishable keys of tenants, and bearer tokens for gRPC."),
    "config": ("cli.config", "A tenant's documents: detection, experiments, graph, sdk, value, …"),
    "profile": ("cli.profile", "Whose visits are and why; take apart what was joined wrongly."),
    "experiment": (
        "cli.experiment.command",
        "Plan, check and judge experiments on interventions.",
    ),
    "report": (
        "cli.report.command",
        "What was felt, what helped, what it was worth; the mails.",
    ),
    "policy": ("cli.policy.command", "What is done about emotions: written, tried out, in force."),
    "outbox": ("cli.outbox", "Messages to people: under way, dead and why, once more."),
    "recommendations": (
        "cli.recommendations.command",
        "What the team was asked to do: states, owners, appeals, feedback.",
    ),
    "transactions": (
        "cli.transactions.command",
        "What users paid, from CSV files.",
    ),
    "privacy": ("cli.privacy", "Data subjects: erase, export, and what they agreed to."),
    "audit": ("cli.audit", "Who did what: verify the audit chains, and read them."),
    "log": ("cli.log.command", "The event log: follow it, its dead letters, who is behind."),
    "archive": ("cli.archive.command", "The archive: list, verify, compact, back into analytics."),
    "migrate": ("cli.migrate_command", "Apply every service's migrations to PostgreSQL."),
}


class _Lazy(click.Group):
    """Lists commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sentientiq", prog_name="sentientiq")
def main() -> None:
    """SentientIQ: who is feeling what, acted on within seconds."""


if __name__ == "__main__":
    main()
