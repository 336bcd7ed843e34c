"""What a kafka:// URL may say."""

from __future__ import annotations

import sys

import pytest

from services.common.log.adapters import open_log
from services.common.log.kafka.address import parse
from services.common.schema import schema_of, why_not_ours
from services.common.settings import SettingsError


def test_without_its_client_the_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("services.common.log.kafka")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(SettingsError, match=r"pip install 'sentientiq\[kafka\]'"):
        open_log("kafka://one:9092")


def test_plain_hosts() -> None:
    address = parse("kafka://one:9092,two:9093")
    assert address.config["bootstrap.servers"] == "one:9092,two:9093"
    assert address.config["security.protocol"] == "PLAINTEXT"
    assert (address.name("emotion.v1"), address.plain("emotion.v1")) == ("emotion.v1", "emotion.v1")


def test_a_prefix_is_put_on_and_taken_off() -> None:
    address = parse("kafka://one:9092/eu")
    assert address.name("analytics") == "eu.analytics"
    assert address.plain("eu.analytics") == "analytics"
    assert address.plain("us.analytics") is None
    assert address.plain("analytics") is None


def test_tls_and_a_user() -> None:
    config = parse("kafkas://me:p%40ss@one:9092?ca=/ca.pem&mechanism=PLAIN").config
    assert config["security.protocol"] == "SASL_SSL"
    assert config["ssl.ca.location"] == "/ca.pem"
    assert config["sasl.mechanism"] == "PLAIN"
    assert (config["sasl.username"], config["sasl.password"]) == ("me", "p@ss")


@pytest.mark.parametrize("query", ["mechanism=GUESS", "acks=0"])
def test_what_is_not_known_is_refused_and_the_password_is_not_told(query: str) -> None:
    with pytest.raises(SettingsError, match=r"SIQ_LOG_URL.*mechanism=PLAIN") as refused:
        parse(f"kafka://me:secret@one:9092?{query}")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "mend"),
    [
        ("amqp://one:5672", "kafka://host:port"),
        ("kafka:///prefix", "kafka://host:port"),
        ("redis://:sec/ret@one:6379", "redis://user:password@host:port"),
        ("kafkas://one:9092?ca=/no/such/file", "is the file of ca= there"),
    ],
)
def test_another_url_is_refused_as_a_setting_with_its_mend(url: str, mend: str) -> None:
    with pytest.raises(SettingsError, match=rf"SIQ_LOG_URL.*{mend}") as refused:
        open_log(url)
    assert "sec" not in str(refused.value)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (schema_of("emotion.v1"), ""),
        ("emotion.v1/2", "newer than this reader"),
        ("decision.v1/1", "expected emotion.v1/1"),
        ("emotion.v1/x", "expected emotion.v1/1"),
        ("", "expected emotion.v1/1"),
    ],
)
def test_schemas_of_a_topic(schema: str, why: str) -> None:
    found = why_not_ours("emotion.v1", schema)
    assert why in found
    assert bool(found) == bool(why)
