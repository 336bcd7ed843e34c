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

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
FOLDERS = ("base", *(f"overlays/{path.name}" for path in sorted((K8S / "overlays").iterdir())))

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
