"""What only some commands need, and `pip install sentientiq` does not bring."""

from __future__ import annotations

import importlib.util

from cli.errors import CliError


def require(library: str, extra: str) -> None:
    """Say what is missing, before anything is computed.

    Raises:
        CliError: the library is not installed; the message says how it is.
    """
    if importlib.util.find_spec(library) is None:
        raise CliError(f"{library} is missing: install it with `pip install 'sentientiq[{extra}]'`")
