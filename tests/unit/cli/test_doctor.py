"""The doctor's judgement, branch by branch, on machines that are well and that are not."""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from cli.doctor import built, engines, local, machine
from cli.doctor.answers import place
from cli.doctor.checks import NAMES, examine
from cli.doctor.command import as_object, command, show
from cli.doctor.finding import Finding, Patient, State, fail, ok, warn
from cli.doctor.settings import MESH, settings
from cli.up.ports import DEFAULT_PORTS

NOW = 1_790_000_000.0
ENGINES = {
    "SIQ_POSTGRES_URL": "postgresql://u:secret@127.0.0.1:1/x",
    "SIQ_STATE_URL": "redis://:secret@127.0.0.1:1",
    "SIQ_LOG_URL": "redis://:secret@127.0.0.1:1",
}


def only(found: Iterator[Finding]) -> Finding:
    (finding,) = found
    return finding


@pytest.fixture
def checkout(tmp_path: Path) -> Patient:
    """A checkout with one kernel, which takes a layout from another file; built a minute ago."""
    hotpath = tmp_path / "hotpath"
    hotpath.mkdir()
    (tmp_path / "setup.py").touch()
    (hotpath / "rage.pyx").write_text("from hotpath.layout cimport Layout\n")
    (hotpath / "rage.pxd").write_text("")
    (hotpath / "layout.pxd").write_text("cimport hotpath.deeper\n")
    (hotpath / "deeper.pxd").write_text("")
    (hotpath / "unrelated.pxd").write_text("")
    kernel = hotpath / f"rage{EXTENSION_SUFFIXES[0]}"
    kernel.touch()
    script = tmp_path / "sdk" / "js" / "dist" / "sentientiq.js"
    source = tmp_path / "sdk" / "js" / "src" / "wire" / "frame.ts"
    for path in (script, source):
        path.parent.mkdir(parents=True)
        path.touch()
    script.with_name("sentientiq-more.js").touch()
    for path in tmp_path.rglob("*"):
        os.utime(path, (NOW - 100, NOW - 100))
    for path in (kernel, script):
        os.utime(path, (NOW, NOW))
    return Patient(data=tmp_path / "data", environ={"PATH": os.environ["PATH"]}, root=tmp_path)


def touch(patient: Patient, name: str) -> None:
    os.utime(patient.root / name, (NOW + 100, NOW + 100))


def test_kernels_newer_than_their_sources_are_current(checkout: Patient) -> None:
    assert only(built.kernels(checkout)).state is State.OK


@pytest.mark.parametrize("name", ["rage.pyx", "rage.pxd", "layout.pxd", "deeper.pxd"])
def test_kernel_older_than_what_it_is_built_from_is_stale(checkout: Patient, name: str) -> None:
    touch(checkout, f"hotpath/{name}")
    finding = only(built.kernels(checkout))
    assert finding.state is State.FAIL
    assert finding.found == "older than their sources: rage"
    assert finding.mend == "make setup"


def test_layout_that_a_kernel_does_not_take_makes_nothing_stale(checkout: Patient) -> None:
    touch(checkout, "hotpath/unrelated.pxd")
    assert only(built.kernels(checkout)).state is State.OK


def test_kernel_of_another_python_does_not_count(checkout: Patient) -> None:
    kernel = checkout.root / "hotpath" / f"rage{EXTENSION_SUFFIXES[0]}"
    kernel.rename(kernel.with_name("rage.cpython-27-sparc.so"))
    finding = only(built.kernels(checkout))
    assert finding.state is State.FAIL
    assert finding.found == "not built for this Python: rage"


def test_sdk_older_than_its_sources_is_named(checkout: Patient) -> None:
    assert only(built.sdk(checkout)).state is State.OK
    touch(checkout, "sdk/js/src/wire/frame.ts")
    assert only(built.sdk(checkout)).state is State.WARN
    for name in ("sentientiq-more.js", "sentientiq.js"):
        (checkout.root / "sdk/js/dist" / name).unlink()
        assert only(built.sdk(checkout)) == fail("sdk", "not built", "make sdk")


@pytest.mark.parametrize(("version", "state"), [("v18.19.0", State.FAIL), ("v22.1.0", State.OK)])
def test_node_must_be_new_enough(
    checkout: Patient, tmp_path: Path, version: str, state: State
) -> None:
    program = tmp_path / "bin" / "node"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    patient = Patient(checkout.data, {"PATH": str(program.parent)}, checkout.root)
    assert only(built.node(patient)).state is state


def test_node_is_needed_only_where_something_is_built(checkout: Patient, tmp_path: Path) -> None:
    nowhere = {"PATH": str(tmp_path)}
    assert only(built.node(Patient(checkout.data, nowhere, checkout.root))).state is State.FAIL
    (checkout.root / "setup.py").unlink()
    assert list(built.node(Patient(checkout.data, nowhere, checkout.root))) == []


def test_clock_before_the_installation_is_wrong() -> None:
    assert machine.clock_finding(NOW, NOW - 5).state is State.OK
    assert machine.clock_finding(NOW - 3600, NOW).state is State.OK
    assert machine.clock_finding(0.0, NOW).found.startswith("1970-01-01")
    assert machine.clock_finding(0.0, NOW).state is State.FAIL


def test_few_open_files_are_named_with_the_mend(checkout: Patient) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, before[1]))
    try:
        finding = only(machine.open_files(checkout))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert finding.state is State.WARN
    assert finding.mend.startswith("ulimit -n 20000")


def test_data_folder_that_cannot_be_made_is_named(checkout: Patient) -> None:
    fine = only(local.data_folder(checkout))
    assert fine.state is State.OK
    assert fine.found.endswith("yet to be made")
    assert not checkout.data.exists()
    # A file where a folder would have to be: root may write anywhere else.
    (checkout.root / "file").touch()
    blocked = Patient(checkout.root / "file" / "data", {}, checkout.root)
    finding = only(local.data_folder(blocked))
    assert finding.state is State.FAIL
    assert "--data" in finding.mend


def test_taken_port_is_named_with_its_holder(checkout: Patient) -> None:
    port = DEFAULT_PORTS["shop"]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", port))
            taken.listen()
        except OSError:
            pass  # somebody else has it: just as good
        finding = only(local.free_ports(checkout))
    assert finding.state is State.WARN
    assert f"{port} (shop) is taken by" in finding.found
    assert finding.mend.endswith("sentientiq up --ports free")


def test_wheel_that_does_not_run_is_not_fine(tmp_path: Path) -> None:
    broken = tmp_path / "postgres"
    broken.write_text("#!/bin/sh\necho 'libc.so.9: not found' >&2\nexit 127\n")
    broken.chmod(0o755)
    finding = local.version_of("postgres wheel", broken)
    assert finding.state is State.FAIL
    assert "libc.so.9: not found" in finding.found


def test_nothing_set_is_no_complaint(checkout: Patient) -> None:
    assert only(settings(checkout)).state is State.OK


def test_lacking_variables_are_a_warning_with_their_meaning(checkout: Patient) -> None:
    environ = {**ENGINES, "SIQ_MESH_SECRET": "s"}
    found = {each.name: each for each in settings(Patient(checkout.data, environ))}
    assert set(found) == {f"{process} settings" for process in MESH}
    assert found["edge settings"].state is State.OK
    assert found["pipeline settings"].state is State.WARN
    assert found["pipeline settings"].found == "lacks SIQ_ANALYTICS_URL, SIQ_ARCHIVE_URL"
    assert "SIQ_ANALYTICS_URL: Analytics, chdb:///folder" in found["pipeline settings"].mend


def test_value_that_does_not_parse_fails(checkout: Patient) -> None:
    environ = {"SIQ_THRESHOLD": "lots"}
    found = {each.name: each for each in settings(Patient(checkout.data, environ))}
    assert found["detection settings"].state is State.FAIL
    assert "SIQ_THRESHOLD='lots'" in found["detection settings"].found
    assert found["edge settings"].state is State.WARN


SAFE = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
    "auto-aof-rewrite-percentage": "0",
}


def states(findings: list[Finding]) -> dict[str, State]:
    return {finding.name: finding.state for finding in findings}


def test_safe_log_is_fine() -> None:
    found = states(engines.log_findings(SAFE, used=10, limit=100))
    assert found == {"log safety": State.OK, "log room": State.OK}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("appendonly", "no"),
        ("appendfsync", "everysec"),
        ("maxmemory-policy", "allkeys-lru"),
    ],
)
def test_log_that_may_forget_fails(name: str, value: str) -> None:
    finding = engines.log_findings({**SAFE, name: value}, used=10, limit=100)[0]
    assert finding.state is State.FAIL
    assert finding.found.startswith(f"{name} is {value}")
    assert finding.mend == f"set {name} {SAFE[name]}"


def test_log_without_a_bound_or_nearly_full_fails() -> None:
    assert states(engines.log_findings(SAFE, used=10, limit=0))["log room"] is State.FAIL
    assert states(engines.log_findings(SAFE, used=81, limit=100))["log room"] is State.FAIL


def test_log_that_hides_its_configuration_is_a_warning() -> None:
    assert states(engines.log_findings(None, used=1, limit=100))["log safety"] is State.WARN


def test_log_rewritten_under_load_is_a_warning() -> None:
    config = {**SAFE, "auto-aof-rewrite-percentage": "100"}
    assert states(engines.log_findings(config, 1, 100))["log rewrites"] is State.WARN


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:secret@db.example:5433/x", "db.example:5433"),
        ("postgresql://postgres@/postgres?host=/tmp/pg", "/tmp/pg"),
        ("rediss://:secret@cache.example", "cache.example"),
        ("unix:///tmp/log.sock", "/tmp/log.sock"),
    ],
)
def test_place_of_a_url_tells_no_secret(url: str, shown: str) -> None:
    assert place(url) == shown


async def test_engines_that_are_away_fail_and_tell_no_password(checkout: Patient) -> None:
    patient = Patient(checkout.data, ENGINES)
    report = await examine(patient, frozenset({"postgres", "log", "state", "detection"}))
    found = {each.name: each for findings in report.values() for each in findings}
    assert set(found) == {"postgres", "log", "state", "detection"}
    assert {each.state for each in found.values()} == {State.FAIL}
    assert "SIQ_POSTGRES_URL" in found["postgres"].mend
    assert "secret" not in json.dumps(as_object(report))


async def test_addresses_that_cannot_be_read_are_findings_too(checkout: Patient) -> None:
    names = frozenset({"postgres", "log", "state", "detection", "identity", "edge"})
    environ = {
        "SIQ_POSTGRES_URL": "postgresql://h:port/x",
        "SIQ_STATE_URL": "http://h",
        "SIQ_LOG_URL": "redis://h:port",
        "SIQ_IDENTITY_ADDR": "identity",
        "SIQ_WS_LISTEN": "8080",
    }
    report = await examine(Patient(checkout.data, environ), names)
    found = {each.name: each for findings in report.values() for each in findings}
    assert set(found) == names
    assert {each.state for each in found.values()} == {State.FAIL}
    assert found["identity"].found == "identity: is not host:port"


async def test_with_engines_elsewhere_nothing_embedded_is_asked_for(checkout: Patient) -> None:
    report = await examine(Patient(checkout.data, ENGINES))
    names = {each.name for findings in report.values() for each in findings}
    assert not names & {"postgres wheel", "valkey wheel", "ports", "data folder"}


def test_json_is_one_object_on_the_last_line_and_the_code_says_it() -> None:
    done = CliRunner(env=dict.fromkeys(ENGINES, "")).invoke(command, ["--json", "--only", "python"])
    assert done.exit_code == 0
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["ok"] is True
    assert [check["name"] for check in report["checks"]] == ["python"]
    assert sys.executable in report["checks"][0]["found"]


def test_failed_check_is_exit_code_1() -> None:
    runner = CliRunner(env={"SIQ_IDENTITY_ADDR": "127.0.0.1:1"})
    done = runner.invoke(command, ["--only", "identity"])
    assert done.exit_code == 1
    assert "FAIL" in done.stdout
    assert "nobody listens" in done.stdout


def test_asking_for_what_has_no_address_is_an_error(tmp_path: Path) -> None:
    runner = CliRunner(env={"SIQ_PIPELINE_ADDR": ""})
    done = runner.invoke(command, ["--only", "pipeline", "--data", str(tmp_path)])
    assert done.exit_code == 1
    assert "no address of pipeline is set" in done.stderr


def test_report_fits_80_columns_and_has_no_colour_in_a_pipe() -> None:
    report = {
        "Section": [
            ok("short", "fine " * 30),
            warn("a longer name", "x" * 120, "do [this] and that " * 8),
            fail("worst", "broken", "mend it"),
        ]
    }
    out = StringIO()
    show(report, Console(file=out, width=80, highlight=False))
    text = out.getvalue()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    # Square brackets of messages are text, not markup.
    assert "[this]" in text
    assert text.splitlines()[-1] == "1 of 3 to mend, 1 that could be better."


def test_names_of_checks_are_unique() -> None:
    assert len(NAMES) == len(set(NAMES))
