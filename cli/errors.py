"""What the commands say when they cannot: one line about what is wrong, one about the mend."""

from __future__ import annotations

import click


class CliError(click.ClickException):
    """Ends the command with exit code 1 and a message, never a traceback."""

    def show(self, file: object = None) -> None:
        """Print to standard error."""
        click.secho("error: ", fg="red", bold=True, err=True, nl=False)
        click.echo(self.message, err=True)
