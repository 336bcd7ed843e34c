"""Policies from files, as every command reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from services.intervention.policy import Policy

BUILTIN = "builtin"


def read_body(file: str) -> bytes:
    """The bytes of a file, of standard input (`-`), or of the policy that ships.

    Raises:
        click.ClickException: it cannot be read.
    """
    if file == BUILTIN:
        from services.intervention.policy import builtin_body

        return builtin_body()
    try:
        with click.open_file(file, "rb") as opened:
            return cast("bytes", opened.read())
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error


def read_policy(file: str) -> Policy:
    """The policy of a file.

    Raises:
        click.ClickException: naming the place in it and the mend.
    """
    from services.intervention.policy import PolicyError, parse_policy

    try:
        return parse_policy("document", read_body(file))
    except PolicyError as error:
        message = str(error).removeprefix("policy document: ")
        raise click.ClickException(f"{file}: {message}") from error
