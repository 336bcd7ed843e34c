"""The process table: who runs, with what, and what never leaks where it does not belong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cli.up import plan
from cli.up.ports import DEFAULT_PORTS

URLS = {
    "SIQ_POSTGRES_URL": "postgresql://postgres@/postgres?host=/run/x",
    "SIQ_STATE_URL": "unix:///run/x/state.sock",
    "SIQ_LOG_URL": "unix:///run/x/log.sock",
}


def inputs(demo: bool = True, **environ: str) -> plan.Inputs:
    return plan.Inputs(
        data=Path("/data"),
        ports=DEFAULT_PORTS,
        engine_urls=URLS,
        mesh_secret="mesh-secret",
        sandbox_token="sandbox-token",
        environ=environ,
        demo=demo,
    )


def row(name: str, given: plan.Inputs) -> plan.Process:
    return next(process for process in plan.table(given) if process.name == name)


def test_every_module_has_a_row() -> None:
    assert {process.name for process in plan.table(inputs())} == set(plan.MODULES)
    for process in plan.table(inputs()):
        assert process.module == plan.MODULES[process.name]


def test_services_get_the_engines_and_each_other() -> None:
    for name in ("identity", "detection", "intervention", "accountability", "edge"):
        env = row(name, inputs()).env
        assert env.items() >= URLS.items()
        assert env["SIQ_MESH_SECRET"] == "mesh-secret"
        assert env["SIQ_IDENTITY_ADDR"] == "127.0.0.1:7101"
        assert env["SIQ_INTERVENTION_ADDR"] == "127.0.0.1:7103"


def test_grpc_services_listen_where_the_others_dial() -> None:
    for name in ("identity", "intervention", "accountability", "pipeline"):
        env = row(name, inputs()).env
        assert env["SIQ_LISTEN"] == env[f"SIQ_{name.upper()}_ADDR"]


def test_sandbox_stands_in_for_twilio() -> None:
    env = row("intervention", inputs()).env
    assert env["SIQ_TWILIO_URL"] == "http://127.0.0.1:8099"
    assert env["SIQ_TWILIO_AUTH_TOKEN"] == "sandbox-token"
    assert env["SIQ_ALLOWED_PRIVATE_HOSTS"] == "127.0.0.1:8099"
    assert plan.urls(inputs())["sandbox"] == "http://127.0.0.1:8099"


def test_sandbox_takes_mail_and_knows_whom_to_call_back() -> None:
    sandbox, intervention = row("sandbox", inputs()).env, row("intervention", inputs()).env
    assert sandbox["SIQ_SMTP_LISTEN"] == "127.0.0.1:8098"
    for name in ("intervention", "accountability"):
        env = row(name, inputs()).env
        assert env["SIQ_SMTP_URL"] == "smtp://127.0.0.1:8098"
        assert "@" in env["SIQ_SMTP_FROM"]
    assert sandbox["SIQ_HOOKS_URL"] == "http://127.0.0.1:8090"
    assert sandbox["SIQ_SLACK_SIGNING_SECRET"] == intervention["SIQ_SLACK_SIGNING_SECRET"]
    pagerduty = sandbox["SIQ_PAGERDUTY_WEBHOOK_SECRET"]
    assert pagerduty in intervention["SIQ_PAGERDUTY_WEBHOOK_SECRETS"].split(",")


def test_a_real_mail_server_is_used_instead() -> None:
    given = inputs(SIQ_SMTP_URL="smtps://mx.example")
    assert "SIQ_SMTP_LISTEN" not in row("sandbox", given).env
    assert "SIQ_SMTP_URL" not in row("intervention", given).env
    assert "sandbox-smtp" not in plan.used_ports(given)


def test_real_twilio_credentials_leave_no_sandbox() -> None:
    given = inputs(SIQ_TWILIO_ACCOUNT_SID="AC1", SIQ_TWILIO_AUTH_TOKEN="real")
    assert "sandbox" not in {process.name for process in plan.table(given)}
    assert "sandbox" not in plan.urls(given)
    assert not {"sandbox", "sandbox-smtp"} & set(plan.used_ports(given))
    env = row("intervention", given).env
    assert not {name for name in env if name.startswith("SIQ_TWILIO")}
    assert "SIQ_ALLOWED_PRIVATE_HOSTS" not in env
    assert "SIQ_SMTP_URL" not in env


def test_the_edge_limits_nobody_unless_told_to() -> None:
    env = row("edge", inputs(SIQ_FRAMES_PER_S_PER_IP="50")).env
    assert env["SIQ_FRAMES_PER_S_PER_IP"] == "50"
    # A load generator is one address with ten thousand sockets.
    assert env["SIQ_MAX_CONNECTIONS_PER_IP"] == env["SIQ_FRAMES_PER_S_PER_KEY"] == "0"


def test_without_demo_there_is_no_shop() -> None:
    given = inputs(demo=False)
    assert "shop" not in {process.name for process in plan.table(given)}
    assert "shop" not in plan.urls(given)
    assert "shop" not in plan.used_ports(given)


def test_the_record_for_clients_holds_no_secret() -> None:
    shown = {**plan.client_env(inputs()), **plan.urls(inputs())}
    assert not {"mesh-secret", "sandbox-token"} & set(shown.values())


def test_a_public_url_of_the_environment_is_kept() -> None:
    given = inputs(SIQ_PUBLIC_URL="https://siq.example")
    assert row("intervention", given).env["SIQ_PUBLIC_URL"] == "https://siq.example"


def test_dependencies_exist_and_stop_after_their_users() -> None:
    rows = {process.name: process for process in plan.table(inputs())}
    for process in rows.values():
        for name in process.after:
            assert name in plan.ENGINES or rows[name].tier < process.tier


@pytest.mark.parametrize("name", list(plan.MODULES))
def test_module_can_be_run(name: str) -> None:
    command = row(name, inputs()).command()
    assert command.argv[1:] == ("-P", "-m", plan.MODULES[name])
    assert "SIQ_MESH_SECRET" in command.env


def test_every_process_has_a_metrics_port_of_its_own() -> None:
    addresses = [process.env["SIQ_METRICS_LISTEN"] for process in plan.table(inputs())]
    assert len(set(addresses)) == len(plan.MODULES)
    bare = inputs(demo=False, SIQ_TWILIO_AUTH_TOKEN="real")
    assert not {"shop-metrics", "sandbox-metrics"} & set(plan.used_ports(bare))


def test_a_trace_file_is_everybodys() -> None:
    assert not any("SIQ_TRACE_FILE" in process.env for process in plan.table(inputs()))
    traced = replace(inputs(), trace=Path("/tmp/trace.jsonl"))
    files = {process.env["SIQ_TRACE_FILE"] for process in plan.table(traced)}
    assert files == {"/tmp/trace.jsonl"}


def test_only_what_no_page_waits_for_stands_back_and_far_if_told() -> None:
    given = inputs()
    assert {p.name: p.nice for p in plan.table(given) if p.nice} == {"pipeline": 5}
    told = replace(given, leftover=True)
    assert {p.name: p.nice for p in plan.table(told) if p.nice} == {
        "accountability": 19,
        "pipeline": 19,
    }
