"""`sentientiq up --engines servers`: engines that run elsewhere, each named by its URL."""

from __future__ import annotations

from collections.abc import Mapping

from cli.errors import CliError

# Each engine's variable, what its URL may begin with, and what one looks like.
_SERVERS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "SIQ_POSTGRES_URL": (
        ("postgresql://", "postgres://"),
        "postgresql://user:password@host:5432/database",
    ),
    "SIQ_STATE_URL": (("redis://", "rediss://", "unix://"), "redis://host:6379"),
    "SIQ_LOG_URL": (
        ("kafka://", "kafkas://", "redis://", "rediss://", "unix://"),
        "kafka://host:9092",
    ),
    "SIQ_ANALYTICS_URL": (
        ("clickhouse://", "clickhouses://"),
        "clickhouse://user:password@host:9000",
    ),
}


def require_servers(environ: Mapping[str, str]) -> None:
    """Make sure that every engine is named, and by a URL of a server.

    Raises:
        CliError: naming each variable that is missing or wrong, and what it should look like;
            never its value, which may hold a password.
    """
    wrong: list[str] = []
    for name, (schemes, example) in _SERVERS.items():
        url = environ.get(name, "")
        if not url:
            wrong.append(f"  {name} is not set: for example {name}={example}")
        elif not url.startswith(schemes):
            expected = " or ".join(schemes)
            wrong.append(f"  {name} does not begin with {expected}: for example {name}={example}")
    if wrong:
        raise CliError(
            "\n".join(["cannot use servers:", *wrong])
            + "\nor let the mesh bring its own engines: sentientiq up --engines embedded"
        )
