"""Every process of a running mesh says what it counts, under the names of docs/metrics.md."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from cli.client import Page
from cli.metrics_page import CATALOGUES
from tests.engines.scrape import Scrape
from tests.integration.mesh_up import Up, environment, get, sentientiq, temporary_folder, until

_PROCESSES = {
    *("sandbox", "identity", "detection", "intervention", "accountability", "pipeline"),
    *("edge", "shop"),
}


def scrape(up: Up, process: str) -> Scrape:
    return Scrape(get(f"http://{up.mesh.processes[process].metrics}/metrics").decode())


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    with temporary_folder() as folder:
        running = Up(folder)
        try:
            running.start()
            yield running
        finally:
            running.end()


def test_what_happened_is_counted_where_it_happened(up: Up) -> None:
    # The kernels' counts begin where somebody first looks at them.
    until(lambda: scrape(up, "detection").value("siq_detection_partitions", state="live") == 64)
    done = sentientiq("smoke", "--data", str(up.data), "--visitors", "3", "--json")
    assert json.loads(done.stdout.splitlines()[-1])["acted"] == 3, done.stderr

    edge = scrape(up, "edge")
    assert edge.value("siq_edge_connections_opened_total") == 3
    assert edge.value("siq_edge_emotions_total", what="emotions") >= 3
    assert edge.value("siq_edge_pushes_total") == 6
    assert edge.value("siq_edge_verdict_seconds_count") == edge.value(
        "siq_edge_emotions_total", what="emotions"
    )
    assert edge.value("siq_edge_accepted_total") <= edge.value("siq_edge_appended_total")
    assert edge.value("siq_edge_append_seconds_count") == edge.value("siq_edge_append_rounds_total")
    intervention = scrape(up, "intervention")
    assert intervention.value("siq_intervention_send_attempts_total") == 3
    assert intervention.value("siq_intervention_alert_seconds_count", channel="sms") == 3
    detection = scrape(up, "detection")
    assert detection.value("siq_detection_kernel_total", what="emissions") >= 3
    assert detection.value("siq_detection_emotions_total") >= 3
    identity = scrape(up, "identity")
    assert identity.value("siq_identity_identifies_total", end="applied") == 3
    accountability = scrape(up, "accountability")
    assert accountability.value("siq_consumer_applied_total", topic="decision.v1") >= 3
    until(lambda: scrape(up, "pipeline").value("siq_pipeline_rows_total", sink="analytics") > 0)


def test_exactly_the_catalogue_is_exported(up: Up) -> None:
    processes = {name for name, child in up.mesh.processes.items() if child.metrics}
    assert processes == _PROCESSES
    exported: set[str] = set()
    for process in processes:
        exported |= scrape(up, process).names
    declared = {entry.name for catalogue in CATALOGUES for entry in catalogue.entries}
    assert exported <= declared
    # A counter by attribute has no sample before its first count.
    silent = {
        "siq_edge_detect_troubles_total",
        "siq_edge_ignored_total",
        "siq_edge_refused_total",
        "siq_rpc_refused_total",
    }
    assert declared - exported <= silent


async def test_events_of_another_version_are_ignored_and_counted(up: Up) -> None:
    demo = json.loads((up.data / "demo.json").read_text())
    before = scrape(up, "edge")
    page = Page(up.mesh.urls["ws"], demo["key"], page="/", origin=up.mesh.urls["shop"])
    await page.open()
    await page.send_events(time.time() * 1000, [[2, 0, 1, 1], [201, 5, "from the future"]])
    await page.drained(10)
    await page.message("wink", t=time.time() * 1000)
    await page.close()
    after = scrape(up, "edge")
    for reason, count in (("unknown_event", 1), ("unknown_type", 1)):
        gained = after.value("siq_edge_ignored_total", reason=reason) - before.value(
            "siq_edge_ignored_total", reason=reason
        )
        assert gained == count, reason


def test_a_taken_address_is_named_with_the_mend(up: Up) -> None:
    taken = up.mesh.processes["shop"].metrics
    done = subprocess.run(
        [sys.executable, "-P", "-m", "services.sandbox"],
        env={**environment(), "SIQ_METRICS_LISTEN": taken},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 78
    assert f"SIQ_METRICS_LISTEN='{taken}'" in done.stderr
    assert "leave it empty" in done.stderr
    assert "Traceback" not in done.stderr
