"""Lines of children: compact where they are ours, untouched where they are not."""

from __future__ import annotations

import json

from cli.up.render import Line, parse, render


def test_structured_line_becomes_level_message_and_fields() -> None:
    raw = json.dumps(
        {
            "event": "migration applied",
            "level": "info",
            "timestamp": "2026-01-01T00:00:00Z",
            "process": "identity",
            "module": "services.common.postgres",
            "schema": "identity",
            "count": 2,
        }
    )
    line = parse(raw)
    assert line == Line("info", "migration applied", (("schema", "identity"), ("count", "2")))
    plain = render("identity", "cyan", line).plain
    assert plain == "identity      | info    migration applied schema=identity count=2"


def test_plain_line_passes_through() -> None:
    text = render("edge", "cyan", parse("uvloop: something [bold]odd[/]")).plain
    assert text == "edge          | uvloop: something [bold]odd[/]"


def test_json_that_is_no_log_passes_through() -> None:
    for raw in ('{"a": 1}', "{broken", "[1, 2]", '"event"'):
        assert parse(raw) == Line("", raw)


def test_exception_follows_under_the_same_name() -> None:
    raw = json.dumps({"event": "process failed", "level": "error", "exception": "one\ntwo"})
    assert render("edge", "cyan", parse(raw)).plain.splitlines() == [
        "edge          | error   process failed",
        "edge          |   one",
        "edge          |   two",
    ]
