"""The process table of the mesh: what runs, with which environment, when it counts as ready.

This is the one place that knows. `up` starts it, `serve` runs one row of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from cli.engines import Command
from cli.up.ports import MOST_EDGE_WORKERS
from services.common.telemetry import METRICS_LISTEN
from services.common.tracing import TRACE_FILE

ENGINES = ("postgres", "valkey-state", "valkey-log")

MODULES: Mapping[str, str] = {
    "sandbox": "services.sandbox",
    "identity": "services.identity",
    "detection": "services.detection",
    "intervention": "services.intervention",
    "accountability": "services.accountability",
    "pipeline": "services.pipeline",
    "edge": "edge",
    "shop": "cli.demo_server",
}

# How nice who is, where processors are short: a block of rows takes every one that there is, and a
# page must not wait for it. Much nicer than 5, and reports time out on a busy machine.
_BEHIND = {"pipeline": 5}
_FAR_BEHIND = {"accountability": 19, "pipeline": 19}
# Visitors that are played on one machine all have its address, and mostly one key.
_NO_LIMITS = (
    "SIQ_MAX_CONNECTIONS_PER_IP",
    "SIQ_MAX_CONNECTIONS_PER_TENANT",
    "SIQ_HELLOS_PER_S_PER_IP",
    "SIQ_FRAMES_PER_S_PER_IP",
    "SIQ_FRAMES_PER_S_PER_KEY",
)
# Twilio's own test account: the sandbox knows no other.
SANDBOX_ACCOUNT = "ACsandbox00000000000000000000000000"
SANDBOX_FROM = "+15005550006"
SANDBOX_SENDER = "SentientIQ <help@sandbox.example>"


def python_path() -> dict[str, str]:
    """PYTHONPATH of a checkout, where nothing need be installed; empty when installed."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "proto").is_dir():
        return {}
    given = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(root), str(root / "proto"), given)))}


@dataclass(frozen=True, slots=True)
class Process:
    """One row."""

    name: str
    module: str
    env: Mapping[str, str]
    probe: Literal["grpc", "http"]
    address: str
    """host:port that is probed and shown."""
    after: tuple[str, ...] = ()
    """What must be ready before it starts."""
    tier: int = 1
    """Stopping goes from the highest tier to the lowest; engines are tier 0."""
    nice: int = 0
    """Where processors are short, whoever waits for nobody's page stands back."""

    def command(self) -> Command:
        """How to run it."""
        return Command(
            # -P: a folder named `edge` where the user stands must not become ours.
            (sys.executable, "-P", "-m", self.module),
            env={"PYTHONUNBUFFERED": "1", **python_path(), **self.env},
        )


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the table depends on."""

    data: Path
    ports: Mapping[str, int]
    engine_urls: Mapping[str, str]
    """SIQ_POSTGRES_URL, SIQ_STATE_URL, SIQ_LOG_URL."""
    mesh_secret: str
    sandbox_token: str
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    demo: bool = True
    edge_workers: int = 1
    trace: Path | None = None
    """File that every process appends its spans to."""
    leftover: bool = False
    """Whether what nobody's page waits for gets only what others leave of the processors."""

    def at(self, name: str) -> str:
        """host:port of a listener."""
        return f"127.0.0.1:{self.ports[name]}"

    @property
    def with_sandbox(self) -> bool:
        """Whether the sandbox stands in for Twilio: real credentials say no."""
        return not self.environ.get("SIQ_TWILIO_AUTH_TOKEN")

    @property
    def with_mail(self) -> bool:
        """Whether the sandbox takes mail: a real server says no; its own comes with `embedded`."""
        given = self.environ.get("SIQ_SMTP_URL")
        return self.with_sandbox and not given and find_spec("aiosmtpd") is not None

    @property
    def absent(self) -> set[str]:
        """What of the table this mesh does without."""
        return {
            *(() if self.with_sandbox else ("sandbox",)),
            *(() if self.with_mail else ("sandbox-smtp",)),
            *(() if self.demo else ("shop",)),
            *(f"edge-{number}" for number in range(self.edge_workers + 1, MOST_EDGE_WORKERS + 1)),
        }


def client_env(given: Inputs) -> dict[str, str]:
    """SIQ_* that any client of the mesh needs; no secrets."""
    return {
        **given.engine_urls,
        "SIQ_IDENTITY_ADDR": given.at("identity"),
        "SIQ_INTERVENTION_ADDR": given.at("intervention"),
        "SIQ_ACCOUNTABILITY_ADDR": given.at("accountability"),
        "SIQ_PIPELINE_ADDR": given.at("pipeline"),
        "SIQ_ARCHIVE_URL": given.environ.get("SIQ_ARCHIVE_URL") or f"file://{given.data}/archive",
        "SIQ_PUBLIC_URL": given.environ.get("SIQ_PUBLIC_URL") or f"http://{given.at('intervene')}",
    }


def urls(given: Inputs) -> dict[str, str]:
    """What people and pages open."""
    found = {
        "ws": f"ws://{given.at('edge-ws')}",
        "http": f"http://{given.at('edge-http')}",
        "intervene": f"http://{given.at('intervene')}",
    }
    if given.with_sandbox:
        found["sandbox"] = f"http://{given.at('sandbox')}"
    if given.demo:
        found["shop"] = f"http://{given.at('shop')}"
    return found


def used_ports(given: Inputs) -> dict[str, int]:
    """The ports that this mesh listens on."""
    return {
        name: port
        for name, port in given.ports.items()
        if name.removesuffix("-metrics").removesuffix("-http") not in given.absent
    }


def table(given: Inputs) -> list[Process]:
    """Every process but the engines, in order of the list that people see."""
    common = {"SIQ_MESH_SECRET": given.mesh_secret, **client_env(given)}
    if given.trace is not None:
        common[TRACE_FILE] = str(given.trace)
    sandbox = {
        "SIQ_TWILIO_URL": f"http://{given.at('sandbox')}",
        "SIQ_PAGERDUTY_URL": f"http://{given.at('sandbox')}",
        "SIQ_TWILIO_ACCOUNT_SID": SANDBOX_ACCOUNT,
        "SIQ_TWILIO_AUTH_TOKEN": given.sandbox_token,
        "SIQ_TWILIO_FROM": SANDBOX_FROM,
        # Signs what the buttons of its inbox call back with.
        "SIQ_SLACK_SIGNING_SECRET": given.environ.get("SIQ_SLACK_SIGNING_SECRET")
        or given.sandbox_token,
        "SIQ_PAGERDUTY_WEBHOOK_SECRETS": given.environ.get("SIQ_PAGERDUTY_WEBHOOK_SECRETS")
        or given.sandbox_token,
        # Only the sandbox: everything else that is private stays out of reach of webhooks.
        "SIQ_ALLOWED_PRIVATE_HOSTS": given.at("sandbox"),
    }
    providers = sandbox if given.with_sandbox else {}
    callers = {
        "SIQ_HOOKS_URL": f"http://{given.at('intervene')}",
        "SIQ_SLACK_SIGNING_SECRET": sandbox["SIQ_SLACK_SIGNING_SECRET"],
        "SIQ_PAGERDUTY_WEBHOOK_SECRET": sandbox["SIQ_PAGERDUTY_WEBHOOK_SECRETS"].partition(",")[0],
    }
    mail: dict[str, str] = {}
    if given.with_mail:
        callers["SIQ_SMTP_LISTEN"] = given.at("sandbox-smtp")
        mail["SIQ_SMTP_URL"] = f"smtp://{given.at('sandbox-smtp')}"
        mail["SIQ_SMTP_FROM"] = given.environ.get("SIQ_SMTP_FROM") or SANDBOX_SENDER

    at = given.at

    def metrics(name: str) -> dict[str, str]:
        return {METRICS_LISTEN: at(f"{name}-metrics")}

    def grpc(name: str, tier: int, **env: str) -> Process:
        full = {**common, "SIQ_LISTEN": at(name), **metrics(name), **env}
        nice = (_FAR_BEHIND if given.leftover else _BEHIND).get(name, 0)
        return Process(name, MODULES[name], full, "grpc", at(name), ENGINES, tier, nice)

    def http(name: str, port: str, tier: int, after: tuple[str, ...], **env: str) -> Process:
        full = {**common, "SIQ_HTTP_LISTEN": at(port), **metrics(name), **env}
        module = MODULES["edge" if name.startswith("edge") else name]
        return Process(name, module, full, "http", at(port), after, tier)

    data = given.data
    rows = [
        http("sandbox", "sandbox", 1, (), **callers),
        grpc(
            "identity",
            1,
            SIQ_SEALING_KEY_FILE=str(data / "sealing.key"),
            SIQ_KEK_FILE=str(data / "kek.json"),
            SIQ_AUDIT_ANCHOR_FILE=str(data / "audit.anchors"),
        ),
        grpc("detection", 2),
        grpc("intervention", 2, SIQ_HTTP_LISTEN=at("intervene"), **providers, **mail),
        grpc("accountability", 2, **mail),
        grpc(
            "pipeline",
            2,
            SIQ_ANALYTICS_URL=given.environ.get("SIQ_ANALYTICS_URL")
            or f"chdb://{data / 'analytics'}",
        ),
        *(
            http(
                "edge" if number == 1 else f"edge-{number}",
                "edge-http" if number == 1 else f"edge-{number}-http",
                3,
                (*ENGINES, "identity"),
                SIQ_WS_LISTEN=at("edge-ws"),
                SIQ_SHARE_WS_PORT=str(given.edge_workers > 1),
                SIQ_WORKER=f"edge-{number}",
                # Nothing leaves the machine, and our own pages dial ws:// and http://.
                SIQ_TLS_CERT="",
                SIQ_TLS_KEY="",
                **{name: given.environ.get(name) or "0" for name in _NO_LIMITS},
            )
            for number in range(1, given.edge_workers + 1)
        ),
        http("shop", "shop", 4, ("identity",), SIQ_DEMO_FILE=str(data / "demo.json")),
    ]
    return [row for row in rows if row.name not in given.absent]
