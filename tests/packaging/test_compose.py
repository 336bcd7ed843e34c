"""compose.yaml: valid by the Compose specification, and enough for every process to start."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from compose_spec import PyCompose

from cli.doctor.checks import NAMES
from cli.doctor.settings import MESH, lacking, variables
from cli.engines import LogValkey
from cli.up.servers import require_servers

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
ENGINES = {"postgres", "valkey-state", "valkey-log", "kafka", "clickhouse"}
SERVERS = {"kafka", "clickhouse"}
# Read outside the settings classes, or by the ones of other processes.
SHARED = {"SIQ_METRICS_LISTEN", "SIQ_ACCOUNTABILITY_ADDR", "SIQ_PIPELINE_ADDR"}


def filled(value: str) -> str:
    """As Compose fills it in where .env says nothing; for a required password any stands."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", re.sub(r"\$\{\w+:\?[^}]*\}", "secret", value))


def test_file_is_valid_compose() -> None:
    # Through PyYAML, which has merge keys; the validator reads plain YAML only.
    PyCompose.from_json(json.dumps(COMPOSE)).validate()


def test_services_are_the_mesh_and_its_engines() -> None:
    assert set(SERVICES) == {*MESH, *ENGINES}


@pytest.mark.parametrize("process", MESH)
def test_process_finds_every_variable_it_requires(process: str) -> None:
    assert lacking(process, SERVICES[process]["environment"]) == []


@pytest.mark.parametrize("process", MESH)
def test_process_is_given_no_variable_that_nobody_reads(process: str) -> None:
    known = {name for other in MESH for name in variables(other)} | SHARED
    assert {name for name in SERVICES[process]["environment"] if name[:4] != "AWS_"} <= known


def test_archive_may_be_a_bucket_and_s3_is_given_what_is_set_alone() -> None:
    environment = SERVICES["pipeline"]["environment"]
    assert environment["SIQ_ARCHIVE_URL"].startswith("${SIQ_ARCHIVE_URL:-file:///")
    given = {name for name in environment if name.startswith("AWS_")}
    documented = set(re.findall(r"`(AWS_\w+)`", (ROOT / "docs" / "archive.md").read_text()))
    assert given == documented - {"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"}
    assert {environment[name] for name in given} == {None}
    for process in MESH:
        if process != "pipeline":
            assert not given & set(SERVICES[process]["environment"])


@pytest.mark.parametrize("process", MESH)
def test_process_runs_the_one_image_hardened(process: str) -> None:
    service = SERVICES[process]
    assert service["image"] == SERVICES["edge"]["image"]
    assert service["command"] == ["serve", process]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["stop_grace_period"] == "30s"


@pytest.mark.parametrize("process", MESH)
def test_every_address_names_a_service_of_the_file(process: str) -> None:
    for name, value in SERVICES[process]["environment"].items():
        if name in {"SIQ_POSTGRES_URL", "SIQ_STATE_URL", "SIQ_LOG_URL"}:
            host = urlsplit(filled(value)).hostname
        elif name.endswith("_ADDR") or name == "SIQ_ADVERTISE":
            host = value.rpartition(":")[0]
        else:
            continue
        assert host in SERVICES, f"{name}={value}"


@pytest.mark.parametrize("process", MESH)
def test_address_is_the_one_its_process_listens_on(process: str) -> None:
    ports = {
        name: service["environment"]["SIQ_LISTEN"].rpartition(":")[2]
        for name, service in SERVICES.items()
        if "SIQ_LISTEN" in service.get("environment", {})
    }
    for name, value in SERVICES[process]["environment"].items():
        if name.endswith("_ADDR") or name == "SIQ_ADVERTISE":
            host, _, port = value.rpartition(":")
            assert port == ports[host], f"{name}={value}"


@pytest.mark.parametrize("process", MESH)
def test_health_is_the_doctors_word_on_the_process(process: str) -> None:
    assert process in NAMES
    test = SERVICES[process]["healthcheck"]["test"]
    assert test == ["CMD", "sentientiq", "doctor", "--only", process]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_service_says_how_it_is_and_is_pinned(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"]
    assert re.search(r":\d+\.\d+", service["image"]), service["image"]


def test_engines_are_reachable_from_nowhere_else() -> None:
    assert [name for name in ENGINES if "ports" in SERVICES[name]] == []


def test_volumes_are_declared() -> None:
    used = {
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
    }
    assert used == set(COMPOSE["volumes"])


def test_log_is_set_up_as_the_embedded_one() -> None:
    def options(words: list[str]) -> dict[str, str]:
        flags = [index for index, word in enumerate(words) if word.startswith("--")]
        return {words[index]: words[index + 1] for index in flags}

    embedded = options(list(LogValkey(ROOT, ROOT).command().argv))
    given = options(SERVICES["valkey-log"]["command"])
    assert given == {name: embedded[name] for name in given}
    assert {"--appendonly", "--appendfsync", "--maxmemory", "--maxmemory-policy"} <= set(given)


def test_servers_come_only_when_asked_for_and_then_everybody_waits_for_them() -> None:
    assert {name for name, service in SERVICES.items() if "profiles" in service} == SERVERS
    for process in MESH:
        after = SERVICES[process]["depends_on"]
        assert set(after) == ENGINES, process
        assert {name for name in after if after[name].get("required") is False} == SERVERS


def test_urls_that_the_file_tells_to_set_are_taken_and_lead_to_its_servers() -> None:
    """The words at the top of compose.yaml: each variable is one that processes are given."""
    head = (ROOT / "compose.yaml").read_text().partition("\nname:")[0]
    urls = dict(re.findall(r"(SIQ_\w+_URL)=([\w:/@.]+)", head))
    assert urls.pop("SIQ_ARCHIVE_URL") == "s3://BUCKET/PREFIX"
    assert set(urls) == {"SIQ_LOG_URL", "SIQ_ANALYTICS_URL"}
    for name, url in urls.items():
        assert urlsplit(url).hostname in SERVERS
        assert SERVICES["pipeline"]["environment"][name].startswith("${" + name + ":-")
    require_servers(
        {name: filled(str(value)) for name, value in SERVICES["pipeline"]["environment"].items()}
        | urls
    )


def test_one_broker_promises_no_more_than_it_can_and_makes_no_topics() -> None:
    """Topics are made by us, with 64 partitions."""
    kafka = SERVICES["kafka"]["environment"]
    assert kafka["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert kafka["KAFKA_DEFAULT_REPLICATION_FACTOR"] >= kafka["KAFKA_MIN_INSYNC_REPLICAS"]
    listeners = kafka["KAFKA_ADVERTISED_LISTENERS"]
    assert listeners == "PLAINTEXT://kafka:9092"
    assert kafka["KAFKA_OFFSETS_RETENTION_MINUTES"] > kafka["KAFKA_LOG_RETENTION_HOURS"] * 60
