"""Every workload is hardened, leaves in order, and speaks only to whom it must."""

from __future__ import annotations

import re
import subprocess
import tomllib
from typing import Any

import kubernetes_validate  # pyright: ignore[reportMissingTypeStubs]
import pytest
import yaml

from cli.doctor.settings import MESH, lacking, variables
from tests.packaging import manifests
from tests.packaging.manifests import (
    ENGINES,
    FLOWS,
    FOLDERS,
    K8S,
    ROOT,
    environment,
    labels,
    of_kind,
    pod,
    references,
    workloads,
)

# The oldest that has all we use (sleep in preStop), and the newest whose schemas we have.
KUBERNETES = ("1.30", "1.37")
PRE_STOP_S = 5
DRAIN_S = 25  # docs/contracts.md: SIGTERM to exit
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
PUBLIC = {("edge", "ws"), ("edge", "http"), ("intervention", "http")}


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_manifest_is_valid_kubernetes(folder: str, version: str) -> None:
    for manifest in manifests.render(folder):
        assert kubernetes_validate.validate(manifest, version, strict=True) == version


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_process_is_there(folder: str) -> None:
    assert set(MESH) <= set(workloads(folder))


@pytest.mark.parametrize("folder", FOLDERS)
class TestEveryWorkload:
    """What holds for 100 % of the workloads, engines included."""

    def test_pod_is_nobody_and_cannot_change_itself(self, folder: str) -> None:
        for name, workload in workloads(folder).items():
            spec = pod(workload)
            assert spec["securityContext"]["runAsNonRoot"] is True, name
            assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
            assert spec["automountServiceAccountToken"] is False, name
            assert spec["serviceAccountName"] in _names(folder, "ServiceAccount"), name
            assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec), name
            for container in spec["containers"]:
                context = container["securityContext"]
                assert context["readOnlyRootFilesystem"] is True, name
                assert context["allowPrivilegeEscalation"] is False, name
                assert context["capabilities"] == {"drop": ["ALL"]}, name

    def test_pod_leaves_in_order(self, folder: str) -> None:
        for name, workload in workloads(folder).items():
            spec = pod(workload)
            for container in spec["containers"]:
                sleeps = container["lifecycle"]["preStop"]["sleep"]["seconds"]
                assert sleeps >= PRE_STOP_S, name
                assert spec["terminationGracePeriodSeconds"] >= sleeps + DRAIN_S + 5, name

    def test_container_is_bounded_and_probed(self, folder: str) -> None:
        for name, workload in workloads(folder).items():
            for container in pod(workload)["containers"]:
                for side in ("requests", "limits"):
                    assert set(container["resources"][side]) == {"cpu", "memory"}, name
                assert set(PROBES) <= set(container), name

    def test_image_is_pinned(self, folder: str) -> None:
        for name, workload in workloads(folder).items():
            for container in pod(workload)["containers"]:
                assert re.search(r":\d+\.\d+", container["image"]), name

    def test_pods_spread_over_zones(self, folder: str) -> None:
        for name, workload in workloads(folder).items():
            zones = [
                constraint
                for constraint in pod(workload)["topologySpreadConstraints"]
                if constraint["topologyKey"] == "topology.kubernetes.io/zone"
            ]
            assert len(zones) == 1, name
            selector = zones[0]["labelSelector"]
            assert manifests.selects(selector, labels(workload)), name
            # The API refuses a key that stands in both.
            assert zones[0]["matchLabelKeys"] == ["app.kubernetes.io/name"], name
            assert not set(zones[0]["matchLabelKeys"]) & set(selector["matchLabels"]), name

    def test_disruptions_leave_all_but_one(self, folder: str) -> None:
        for name, workload in workloads(folder).items():
            budgets = _choosing(of_kind(folder, "PodDisruptionBudget"), "selector", workload)
            assert [budget["spec"]["maxUnavailable"] for budget in budgets] == [1], name

    def test_update_never_has_fewer_than_wanted(self, folder: str) -> None:
        for name, workload in workloads(folder).items():
            if workload["kind"] == "Deployment":
                rolling = workload["spec"]["strategy"]["rollingUpdate"]
                assert rolling == {"maxSurge": 1, "maxUnavailable": 0}, name

    def test_a_network_policy_of_its_own_beside_deny_all(self, folder: str) -> None:
        for name, workload in workloads(folder).items():
            policies = _choosing(of_kind(folder, "NetworkPolicy"), "podSelector", workload)
            assert {"deny-all", "dns", name} <= {each["metadata"]["name"] for each in policies}

    def test_service_leads_to_the_pod(self, folder: str) -> None:
        for name, workload in workloads(folder).items():
            (service,) = (
                each for each in of_kind(folder, "Service") if each["metadata"]["name"] == name
            )
            assert service["spec"]["selector"].items() <= labels(workload).items(), name
            named = {port["name"] for port in _ports(workload)}
            for port in service["spec"]["ports"]:
                assert port["targetPort"] in named, name


def test_base_does_not_put_like_into_one_zone() -> None:
    for name, workload in workloads("base").items():
        zone = pod(workload)["topologySpreadConstraints"][0]
        assert zone["whenUnsatisfiable"] == "DoNotSchedule", name


def test_deny_all_denies_everything() -> None:
    (deny,) = (
        each for each in of_kind("base", "NetworkPolicy") if each["metadata"]["name"] == "deny-all"
    )
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_flows_are_those_of_the_picture_and_no_more() -> None:
    folder = "overlays/try"
    out: set[tuple[str, str]] = set()
    into: set[tuple[str, str]] = set()
    public: set[tuple[str, str]] = set()
    by_name = workloads(folder)
    for policy in of_kind(folder, "NetworkPolicy"):
        name, spec = policy["metadata"]["name"], policy["spec"]
        if name not in by_name:
            continue
        for rule in spec.get("egress", []):
            for port in rule["ports"]:
                assert isinstance(port["port"], int)
            out |= {(name, peer) for peer in _peers(rule.get("to", []))}
        for rule in spec.get("ingress", []):
            into |= {(peer, name) for peer in _peers(rule.get("from", []))}
            if "from" not in rule:
                public |= {(name, port["port"]) for port in rule["ports"]}
    assert out == FLOWS
    assert into == FLOWS
    assert public == PUBLIC


def test_egress_port_is_the_one_the_peer_listens_on() -> None:
    folder = "overlays/try"
    by_name = workloads(folder)
    for policy in of_kind(folder, "NetworkPolicy"):
        if policy["metadata"]["name"] not in by_name:
            continue
        for rule in policy["spec"].get("egress", []):
            for peer in _peers(rule["to"]):
                listens = {port["containerPort"] for port in _ports(by_name[peer])}
                assert {port["port"] for port in rule["ports"]} <= listens


def test_only_who_sends_reaches_the_internet_and_no_private_network() -> None:
    reaching = [
        (policy["metadata"]["name"], block["ipBlock"])
        for policy in of_kind("overlays/try", "NetworkPolicy")
        for rule in policy["spec"].get("egress", [])
        for block in rule.get("to", [])
        if "ipBlock" in block
    ]
    # Accountability for its weekly mails.
    assert {name for name, _ in reaching} == {"intervention", "accountability"}
    for _, block in reaching:
        if block["cidr"] == "0.0.0.0/0":
            # Among them the metadata service of every cloud.
            assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(
                block["except"]
            )


@pytest.mark.parametrize("process", MESH)
def test_process_finds_every_variable_it_requires(process: str) -> None:
    assert lacking(process, environment("base", process)) == []


@pytest.mark.parametrize("process", MESH)
def test_process_is_given_only_what_it_reads(process: str) -> None:
    given = {name for name in environment("base", process) if name.startswith("SIQ_")}
    assert given - set(variables(process)) <= {"SIQ_METRICS_LISTEN"}


@pytest.mark.parametrize("process", MESH)
def test_process_listens_where_its_ports_and_probes_say(process: str) -> None:
    workload = workloads("base")[process]
    (container,) = pod(workload)["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    found = environment("base", process)
    listens = {
        "grpc": found.get("SIQ_LISTEN"),
        "http": found.get("SIQ_HTTP_LISTEN"),
        "ws": found.get("SIQ_WS_LISTEN"),
        "metrics": found.get("SIQ_METRICS_LISTEN"),
    }
    assert ports == {
        name: int(address.rpartition(":")[2]) for name, address in listens.items() if address
    }
    assert container["args"] == ["serve", process]
    for probe in PROBES:
        if process == "edge":
            assert container[probe]["httpGet"]["port"] == "ws"
        else:
            assert container[probe]["grpc"]["port"] == ports["grpc"]


@pytest.mark.parametrize("process", MESH)
def test_address_names_a_service_and_its_port(process: str) -> None:
    services = {
        each["metadata"]["name"]: {port["port"] for port in each["spec"]["ports"]}
        for each in of_kind("base", "Service")
    }
    for name, value in environment("base", process).items():
        if name.endswith("_ADDR") or name == "SIQ_ADVERTISE":
            host, _, port = value.rpartition(":")
            assert int(port) in services[host.removeprefix("$(POD_NAME).")], name


def test_single_writer_has_one_pod_and_keeps_its_disk() -> None:
    pipeline = workloads("base")["pipeline"]
    assert pipeline["kind"] == "StatefulSet"
    assert pipeline["spec"]["replicas"] == 1
    (claim,) = pipeline["spec"]["volumeClaimTemplates"]
    found = environment("base", "pipeline")
    (mount,) = (
        mount["mountPath"]
        for mount in pod(pipeline)["containers"][0]["volumeMounts"]
        if mount["name"] == claim["metadata"]["name"]
    )
    assert found["SIQ_ANALYTICS_URL"].startswith(f"chdb://{mount}/")
    assert found["SIQ_ARCHIVE_URL"].startswith(f"file://{mount}/")


def test_secrets_are_never_in_the_manifests() -> None:
    for folder in FOLDERS:
        assert of_kind(folder, "Secret") == []
        for name, workload in workloads(folder).items():
            for variable in pod(workload)["containers"][0].get("env", []):
                if re.search("SECRET|TOKEN|PASSWORD|_URL$|ACCOUNT", variable["name"]):
                    plain = {"SIQ_ANALYTICS_URL", "SIQ_ARCHIVE_URL"}
                    assert "valueFrom" in variable or variable["name"] in plain, name


def test_overlay_brings_every_secret_and_config_that_is_asked_for() -> None:
    folder = "overlays/try"
    done = subprocess.run([K8S / folder / "secrets"], capture_output=True, text=True, check=True)
    secrets: list[Any] = list(yaml.safe_load_all(done.stdout))
    held = {
        ("secret", secret["metadata"]["name"], key)
        for secret in secrets
        for key in secret["stringData"]
    } | {
        ("config", config["metadata"]["name"], key)
        for config in of_kind(folder, "ConfigMap")
        for key in config["data"]
    }
    for secret in secrets:
        kubernetes_validate.validate(secret, KUBERNETES[0], strict=True)
        assert secret["metadata"]["namespace"] == "sentientiq-try"
    for workload in workloads(folder).values():
        assert workload["metadata"]["namespace"] == "sentientiq-try"
        assert references(workload) <= held
    sealing = next(each for each in secrets if each["metadata"]["name"] == "sentientiq-sealing")
    assert len(bytes.fromhex(sealing["stringData"]["sealing.key"])) == 32


def test_image_is_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    images = {pod(workload)["containers"][0]["image"] for workload in workloads("base").values()}
    images |= {compose["services"][process]["image"] for process in MESH}
    assert images == {f"sentientiq:{version}"}


def test_engines_are_the_ones_of_compose() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    by_name = workloads("overlays/try")
    for name in ENGINES:
        (container,) = pod(by_name[name])["containers"]
        assert container["image"] == compose["services"][name]["image"]
        assert container.get("args") == compose["services"][name].get("command")


def _names(folder: str, kind: str) -> set[str]:
    return {manifest["metadata"]["name"] for manifest in of_kind(folder, kind)}


def _choosing(found: list[Any], field: str, workload: Any) -> list[Any]:
    return [each for each in found if manifests.selects(each["spec"][field], labels(workload))]


def _ports(workload: Any) -> list[Any]:
    return [port for container in pod(workload)["containers"] for port in container["ports"]]


def _peers(peers: list[Any]) -> set[str]:
    """Names of the workloads that a rule admits; other clients and networks have none."""
    return {
        name
        for peer in peers
        if (
            name := peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/name")
        )
    }
