"""`sentientiq policy`: one command a module, imported only when it is called."""

from __future__ import annotations

import importlib

import click

_COMMANDS = {
    "put": ("cli.policy.documents", "Check a file and make it the tenant's next version."),
    "get": ("cli.policy.documents", "Print the policy in force."),
    "check": ("cli.policy.documents", "Say whether a file can be used, and where not."),
    "diff": ("cli.policy.documents", "Say what changed between two files, by name."),
    "schema": ("cli.policy.documents", "Print the JSON Schema, for editors."),
    "simulate": ("cli.policy.simulate", "Say what would have been chosen on recordings."),
    "explain": ("cli.policy.explain", "Say why a policy chooses what it chooses."),
    "preview": ("cli.policy.preview", "Show what templates say, in each channel and language."),
    "stop": ("cli.policy.switch", "Stop interventions: of a rule, a tenant, or everybody."),
    "resume": ("cli.policy.switch", "Let interventions go on."),
    "switches": ("cli.policy.switch", "List what is stopped."),
    "replay": ("cli.policy.replay", "Make stored decisions again and compare every byte."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[cmd_name][0])
        found: click.Command = getattr(module, cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_Lazy)
def command() -> None:
    """Policies: which emotion of whom brings which help (docs/policy.md).

    FILE is YAML or JSON; `-` reads standard input, `builtin` is the policy that ships.
    """
