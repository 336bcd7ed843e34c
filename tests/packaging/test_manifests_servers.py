"""The component `servers`: engines that run elsewhere, each named by a secret."""

from __future__ import annotations

import re

import pytest

from cli.doctor.settings import MESH, lacking
from tests.packaging.manifests import (
    ENGINES,
    FLOWS,
    ROOT,
    environment,
    labels,
    of_kind,
    pod,
    references,
    selects,
    workloads,
)

FOLDER = "overlays/servers"
# By what the pods of the engines are called that stand for them in the picture.
PORTS = {
    "postgres": {5432},
    "valkey-state": {6379, 6380},
    "valkey-log": {9092, 9093, 9094},
}


@pytest.mark.parametrize("process", MESH)
def test_process_finds_every_variable_it_requires(process: str) -> None:
    assert lacking(process, environment(FOLDER, process)) == []


@pytest.mark.parametrize("process", MESH)
def test_process_reaches_the_servers_of_its_engines_and_no_more(process: str) -> None:
    (policy,) = (
        each
        for each in of_kind(FOLDER, "NetworkPolicy")
        if each["metadata"]["name"] == f"{process}-servers"
    )
    assert selects(policy["spec"]["podSelector"], labels(workloads(FOLDER)[process]))
    wanted = {peer: PORTS[peer] for who, peer in FLOWS if who == process and peer in ENGINES}
    found = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    stores = {9000, 9440, 443} if process == "pipeline" else set[int]()
    assert found == set[int]().union(stores, *wanted.values())
    for rule in policy["spec"]["egress"]:
        for block in (each["ipBlock"] for each in rule["to"]):
            if block["cidr"] == "0.0.0.0/0":
                assert rule["ports"] == [{"port": 443}]
                assert block["except"] == ["169.254.0.0/16"]  # credentials of the node


def test_pipeline_is_told_its_stores_by_secrets_and_keeps_no_disk() -> None:
    pipeline = workloads(FOLDER)["pipeline"]
    assert "volumeClaimTemplates" not in pipeline["spec"]
    (container,) = pod(pipeline)["containers"]
    volumes = {volume["name"] for volume in pod(pipeline)["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes == {"tmp"}
    by_name = {each["name"]: each for each in container["env"]}
    for name in ("SIQ_ANALYTICS_URL", "SIQ_ARCHIVE_URL"):
        assert set(by_name[name]) == {"name", "valueFrom"}
    archive = {
        name: by_name[name]["valueFrom"]["secretKeyRef"]
        for name in by_name
        if name.startswith("AWS_")
    }
    documented = set(re.findall(r"`(AWS_\w+)`", (ROOT / "docs" / "archive.md").read_text()))
    # A web identity's come from the cluster itself.
    assert set(archive) == documented - {"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"}
    assert all(key["optional"] for key in archive.values())


def test_every_secret_that_is_asked_for_is_documented() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    for workload in workloads(FOLDER).values():
        for kind, name, key in references(workload):
            assert kind == "config" or (f"`{name}`" in page and f"`{key}`" in page), key
