"""`sentientiq up`, end to end: the real mesh, started, used, hurt and stopped."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from cli import processes
from cli.client import Page, Refused
from tests.integration.mesh_up import Up, get, sentientiq, temporary_folder, until

_RAGE = [
    {"t": 0, "type": "page_view", "page": "/checkout", "nav": "load"},
    *(
        {
            "t": 1000 + 240 * press,
            "type": "click",
            "x": 10,
            "y": 20,
            "target": "button#pay",
            "flags": ["button"],
        }
        for press in range(6)
    ),
    {"t": 2400, "type": "session_end"},
]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with temporary_folder() as path:
        yield path


@pytest.fixture(scope="module")
def up(folder: Path) -> Iterator[Up]:
    running = Up(folder)
    try:
        running.start()
        yield running
    finally:
        running.end()


def test_prints_one_url_and_everybody_is_ready(up: Up) -> None:
    running = up.mesh
    assert running.ready
    assert set(running.processes) == {
        *("postgres", "valkey-state", "valkey-log"),
        *("sandbox", "identity", "detection", "intervention", "accountability", "pipeline"),
        *("edge", "shop"),
    }
    boxed = [line for line in up.text.splitlines() if "│" in line and "http://" in line]
    assert len(boxed) == 1
    assert running.urls["shop"] in boxed[0]
    assert "Traceback" not in up.text
    for name in ("mesh.json", "secrets.json", "demo.json", "sealing.key"):
        assert (up.data / name).stat().st_mode & 0o077 == 0, name


def test_shop_serves_page_sdk_and_a_signed_visitor(up: Up) -> None:
    shop = up.mesh.urls["shop"]
    assert b"<html" in get(f"{shop}/").lower()
    assert len(get(f"{shop}/sentientiq.js")) > 1000
    assert len(get(f"{shop}/sentientiq-more.js")) > 1000
    demo = json.loads(get(f"{shop}/demo.json"))
    assert demo["key"].startswith("pk_test_")
    assert demo["endpoint"] == up.mesh.urls["ws"]
    assert demo["httpEndpoint"] == up.mesh.urls["http"]
    assert demo["sandbox"] == up.mesh.urls["sandbox"]
    assert "identity_secret" not in demo
    secret = json.loads((up.data / "demo.json").read_text())["identity_secret"]
    claims = jwt.decode(demo["user"]["token"], secret, algorithms=["HS256"])
    assert claims["sub"] == demo["user"]["userId"]
    assert claims["exp"] - claims["iat"] <= 15 * 60
    assert claims["company"] == "acme-robotics.example"
    assert claims["ltv"] == 100_000


def test_doctor_finds_everybody_well(up: Up) -> None:
    done = sentientiq("doctor", "--json", "--data", str(up.data))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["ok"]
    states = {check["name"]: check["state"] for check in report["checks"]}
    engines = ("postgres", "log", "log safety", "log room", "state")
    processes = ("identity", "detection", "intervention", "accountability", "pipeline", "edge")
    assert {states[name] for name in (*engines, *processes)} == {"ok"}


def test_second_up_on_the_same_data_is_refused(up: Up) -> None:
    done = sentientiq("up", "--data", str(up.data), "--ports", "free")
    assert done.returncode == 1
    assert "a mesh is already running" in done.stderr
    assert up.mesh.ready


def test_replay_plays_a_recording_and_hears_of_the_rage(up: Up, tmp_path: Path) -> None:
    path = tmp_path / "rage.ndjson"
    path.write_text(
        "".join(
            json.dumps({"session": "s", **line, "t": 1_700_000_000_000 + int(str(line["t"]))})
            + "\n"
            for line in _RAGE
        )
    )
    done = sentientiq("replay", str(path), "--data", str(up.data), "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["events"] == 7
    assert result["acked"] == result["frames"] == 6
    assert result["emotions"] == {"rage": 1}
    assert result["interventions"] == 1
    assert result["lost"] == result["refused"] == 0


def test_keys_are_created_shown_and_revoked(up: Up) -> None:
    data = ("--data", str(up.data))
    made = sentientiq("keys", "create", "demo", "--origin", "https://shop.example", *data)
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    assert "tenant demo" in sentientiq("keys", "show", key, *data).stdout
    assert sentientiq("keys", "revoke", "demo", key, *data).returncode == 0
    gone = sentientiq("keys", "show", key, *data)
    assert gone.returncode == 1
    assert "unknown or revoked" in gone.stderr


def test_migrate_finds_nothing_left_to_do(up: Up) -> None:
    done = sentientiq("migrate", "--data", str(up.data))
    assert done.returncode == 0, done.stderr
    assert "identity: nothing to do" in done.stdout.splitlines()


async def test_page_resumes_after_a_broken_connection(up: Up) -> None:
    demo = json.loads((up.data / "demo.json").read_text())
    page = Page(up.mesh.urls["ws"], demo["key"], page="/", origin=up.mesh.urls["shop"])
    await page.open()
    session = page.session
    for _ in range(2):
        for number in range(10):
            if number == 5:
                page.drop()
            await page.send_events(time.time() * 1000, [[2, 0, number, number]])
        await page.drained(20)
    assert page.acked == page.sent == 20
    assert page.session == session
    assert page.connections == 3
    assert not page.counters["session_lost"]
    await page.close()


async def test_page_with_a_wrong_key_is_refused(up: Up) -> None:
    page = Page(up.mesh.urls["ws"], "pk_test_" + "0" * 40, origin="http://127.0.0.1:1")
    with pytest.raises(Refused) as caught:
        await page.open()
    assert caught.value.code == 4401
    await page.close()


def test_smoke_finds_the_line_whole(up: Up) -> None:
    done = sentientiq("smoke", "--data", str(up.data), "--visitors", "5", "--json")
    result = json.loads(done.stdout.splitlines()[-1])
    # Latencies are judged by `sentientiq smoke` itself, on a machine that has nothing else to do.
    told: dict[str, Any] = {
        name: result[name] for name in ("interventions", "acted", "lost", "duplicated")
    }
    assert told == {"interventions": 5, "acted": 5, "lost": 0, "duplicated": 0}, done.stderr


def test_killed_child_comes_back_on_the_same_port(up: Up) -> None:
    before = up.mesh.processes["edge"]
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: (found := up.mesh.processes.get("edge")) is not None and found.pid != before.pid)
    assert up.mesh.processes["edge"].address == before.address
    until(lambda: _answers(f"{up.mesh.urls['http']}/healthz"))
    assert "ended with signal SIGKILL, restart 1" in up.text


def _answers(url: str) -> bool:
    try:
        get(url)
    except OSError:
        return False
    return True


def test_ctrl_c_stops_everything_and_the_data_stays(up: Up) -> None:
    children = up.mesh.processes.values()
    key = json.loads((up.data / "demo.json").read_text())["key"]
    assert up.stop() == 0
    assert not [child for child in children if processes.started_at(child.pid) == child.started]
    assert not (up.data / "mesh.json").exists()
    assert up.text.splitlines()[-1].endswith("stopped")
    assert "killed" not in up.text

    assert up.start() < 10
    assert json.loads((up.data / "demo.json").read_text())["key"] == key


def test_after_a_killed_supervisor_the_next_one_starts(up: Up) -> None:
    children = up.mesh.processes.values()
    assert up.process is not None
    up.process.kill()
    up.process.wait()
    up.start()
    ours = {child.pid for child in up.mesh.processes.values()}
    left = [
        child.pid
        for child in children
        if child.pid not in ours
        and processes.is_running(child.pid)
        and processes.started_at(child.pid) == child.started
    ]
    assert not left
    assert up.stop(signal.SIGTERM) == 0
