"""The manifests as a cluster would get them: rendered by kustomize, no cluster needed."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.doctor.settings import MESH

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
FOLDERS = ("base", *(f"overlays/{path.name}" for path in sorted((K8S / "overlays").iterdir())))

ENGINES = {"postgres", "valkey-log", "valkey-state"}

# The picture in docs/architecture.md, as who calls whom.
FLOWS = {
    ("edge", "detection"),
    ("edge", "identity"),
    ("edge", "intervention"),
    ("intervention", "identity"),
    ("detection", "identity"),
    *(("accountability", peer) for peer in ("identity", "intervention", "pipeline")),
    *((process, "valkey-log") for process in MESH),
    *((process, "valkey-state") for process in ("edge", "detection", "intervention")),
    *((process, "postgres") for process in ("identity", "intervention", "accountability")),
}

Manifest = dict[str, Any]


@functools.cache
def render(folder: str) -> tuple[Manifest, ...]:
    """Everything that `kubectl apply -k k8s/FOLDER` would send."""
    found = shutil.which("kustomize", path=str(Path(sys.executable).parent))
    kustomize = found or shutil.which("kustomize")
    if kustomize is None:
        pytest.skip("no kustomize: install Go and run `make k8s`")
    done = subprocess.run(
        [kustomize, "build", str(K8S / folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # kustomize only warns about what it will not take one day.
    assert done.stderr == ""
    return tuple(yaml.safe_load_all(done.stdout))


def workloads(folder: str) -> dict[str, Manifest]:
    """Deployments and StatefulSets by name."""
    return {
        manifest["metadata"]["name"]: manifest
        for manifest in render(folder)
        if manifest["kind"] in {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"}
    }


def of_kind(folder: str, kind: str) -> list[Manifest]:
    """All manifests of a kind."""
    return [manifest for manifest in render(folder) if manifest["kind"] == kind]


def pod(workload: Manifest) -> Manifest:
    """The pod spec of a workload."""
    spec: Manifest = workload["spec"]["template"]["spec"]
    return spec


def labels(workload: Manifest) -> dict[str, str]:
    """The labels of a workload's pods."""
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def selects(selector: Manifest, pod_labels: dict[str, str]) -> bool:
    """Whether a label selector of these manifests (matchLabels only) chooses the labels."""
    assert set(selector) <= {"matchLabels"}, selector
    return selector.get("matchLabels", {}).items() <= pod_labels.items()


def environment(folder: str, process: str) -> dict[str, str]:
    """What a process finds; what comes from a secret stands as some value."""
    (container,) = pod(workloads(folder)[process])["containers"]
    return {each["name"]: each.get("value", "from elsewhere") for each in container["env"]}


def references(workload: Manifest) -> set[tuple[str, str, str]]:
    """What a pod cannot start without: (secret or config, its name, a key)."""
    found: set[tuple[str, str, str]] = set()
    for container in pod(workload)["containers"]:
        for variable in container.get("env", []):
            for kind, field in (("secret", "secretKeyRef"), ("config", "configMapKeyRef")):
                key = variable.get("valueFrom", {}).get(field)
                if key and not key.get("optional"):
                    found.add((kind, key["name"], key["key"]))
    for volume in pod(workload).get("volumes", []):
        for item in volume.get("secret", {}).get("items", []):
            found.add(("secret", volume["secret"]["secretName"], item["key"]))
    return found
