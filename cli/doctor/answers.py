"""How an engine answered, or that it did not, as findings."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from cli.doctor.finding import Finding, fail, ok, warn

_APART_S = 1.0


def place(url: str) -> str:
    """Where a URL leads, without user and password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "a URL that cannot be read"
    if host is None:
        return next(iter(parse_qs(parts.query).get("host", [])), parts.path)
    return f"{host}:{port}" if port else host


def with_clock(name: str, found: str, apart_s: float) -> Finding:
    """What was found, unless its clock is another one."""
    if abs(apart_s) > _APART_S:
        return warn(
            name,
            f"{found}, its clock {apart_s:+.1f} s from ours",
            "set both by NTP: tokens would be refused, and timers early or late",
        )
    return ok(name, found)


def away(name: str, url: str, error: Exception, variable: str) -> Finding:
    """It did not answer; which variable names it."""
    if isinstance(error, TimeoutError):
        why = "no answer in time"
    else:
        why = next(iter(str(error).splitlines()), type(error).__name__)
    return fail(name, f"{place(url)}: {why}", f"start it, or correct {variable}")
