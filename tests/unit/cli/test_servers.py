"""`up --engines servers`: what must be named, and how it says so."""

from __future__ import annotations

import pytest

from cli.errors import CliError
from cli.up.servers import require_servers

ALL = {
    "SIQ_POSTGRES_URL": "postgresql://siq:secret@db/siq",
    "SIQ_STATE_URL": "redis://:secret@state:6379",
    "SIQ_LOG_URL": "kafka://broker:9092",
    "SIQ_ANALYTICS_URL": "clickhouse://siq:secret@analytics:9000",
}


def test_four_urls_are_enough() -> None:
    require_servers(ALL)


@pytest.mark.parametrize("name", list(ALL))
def test_a_missing_one_is_named_with_what_it_looks_like(name: str) -> None:
    with pytest.raises(CliError) as caught:
        require_servers({**ALL, name: ""})
    assert f"{name} is not set: for example {name}=" in str(caught.value)
    assert sum(other in str(caught.value) for other in ALL) == 1
    assert "--engines embedded" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("SIQ_ANALYTICS_URL", "chdb:///var/lib/secret"),
        ("SIQ_LOG_URL", "amqp://secret@log"),
        ("SIQ_POSTGRES_URL", "mysql://siq:secret@db"),
    ],
)
def test_one_that_is_no_server_is_named_without_its_value(name: str, url: str) -> None:
    with pytest.raises(CliError, match=rf"{name} does not begin with") as caught:
        require_servers({**ALL, name: url})
    assert "secret" not in str(caught.value)


def test_all_that_is_missing_is_said_at_once() -> None:
    with pytest.raises(CliError) as caught:
        require_servers({})
    assert all(name in str(caught.value) for name in ALL)
