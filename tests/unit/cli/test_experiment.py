"""`sentientiq experiment`: what it prints, draws and refuses."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cli.experiment import command as experiment
from tests.unit.services.intervention.experiments.documents import body
from tests.unit.services.intervention.experiments.documents import experiment as written

DAY_MS = 86_400_000
START_MS = 1_793_491_200_000
"""The first of November 2026."""


def invoke(*words: str) -> Result:
    return CliRunner().invoke(experiment.command, words)


@pytest.fixture
def document(tmp_path: Path) -> str:
    path = tmp_path / "experiments.json"
    path.write_bytes(body(pay=written(), draft=written(state="draft", rule=None)))
    return str(path)


def units(path: Path, count: int, rates: tuple[float, float]) -> str:
    """A file of units over ten days, gzipped."""
    chance = np.random.default_rng(20261127)
    with gzip.open(path, "wt", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("unit", "variant", "exposed_at_ms", "bought"))
        for number in range(count):
            arm = int(chance.integers(0, 2))
            at = START_MS + int(chance.integers(0, 10 * DAY_MS))
            rows.writerow((f"u{number}", ("control", "chat")[arm], at,
                           int(chance.random() < rates[arm])))  # fmt: skip
    return str(path)


def test_check_names_what_runs_and_what_is_wrong(document: str, tmp_path: Path):
    found = invoke("check", document)
    assert found.exit_code == 0
    assert "pay: running, by person: control 50 %, chat 50 %" in found.output
    told: dict[str, Any] = json.loads(invoke("check", document, "--json").output)
    assert told["experiments"]["draft"]["state"] == "draft"
    bad = tmp_path / "bad.json"
    bad.write_bytes(body(pay=written(traffic=2)))
    refused = invoke("check", str(bad))
    assert refused.exit_code == 1
    assert "traffic" in refused.output


def test_plan_says_how_long_it_takes(document: str):
    asked = ("plan", document, "pay", "--baseline", "0.1", "--per-day", "1000")
    told: dict[str, Any] = json.loads(invoke(*asked, "--json").output)
    assert 10_000 < told["units"] < 20_000
    assert told["days"] == -(-told["units"] // 1000)
    assert 0.01 < told["detectable"] < 0.02
    assert f"about {told['days']} days" in invoke(*asked).output


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (("nobody", "--baseline", "0.1", "--per-day", "1"), "known are draft, pay"),
        (("pay", "--baseline", "0.1", "--per-day", "0"), "--per-day: expected more than 0"),
        (("pay", "--baseline", "1.2", "--per-day", "9"), "--baseline between 0 and 1"),
        (("pay", "--baseline", ".1", "--spread", "2", "--per-day", "9"), "no --spread"),
    ],
)
def test_plan_names_the_mend(document: str, words: tuple[str, ...], mend: str):
    refused = invoke("plan", document, *words)
    assert refused.exit_code == 1
    assert mend in refused.output


def test_report_gives_the_verdict_and_draws_it(document: str, tmp_path: Path):
    file = units(tmp_path / "units.csv.gz", 12_000, (0.1, 0.14))
    chart = tmp_path / "chart.png"
    asked = ("report", "pay", "--document", document, "--units", file, "--at", "2026-11-11")
    found = invoke(*asked, "--chart", str(chart))
    assert found.exit_code == 0, found.output
    assert found.output.startswith("pay: ship\n")
    assert "bought (primary), chat: 0.09799 without, 0.1373 with" in found.output
    assert chart.read_bytes().startswith(b"\x89PNG")
    told: dict[str, Any] = json.loads(invoke(*asked, "--json").output)
    assert told["verdict"]["word"] == "ship"
    assert told["report"]["comparisons"][0]["low"] > 0


def test_report_as_of_a_day_knows_nothing_later(document: str, tmp_path: Path):
    file = units(tmp_path / "units.csv.gz", 12_000, (0.1, 0.14))
    asked = ("report", "pay", "--document", document, "--units", file, "--json", "--at")
    early: dict[str, Any] = json.loads(invoke(*asked, "2026-11-03").output)
    assert early["verdict"]["word"] == "keep_running"
    assert sum(early["report"]["units"]) == pytest.approx(2_400, rel=0.1)
    before: dict[str, Any] = json.loads(invoke(*asked, "2026-10-03").output)
    assert before["verdict"]["text"] == "cannot tell: no unit has counted yet"


def test_a_chart_of_too_few_units_says_so(document: str, tmp_path: Path):
    file = units(tmp_path / "units.csv.gz", 20, (0.1, 0.1))
    chart = tmp_path / "chart.png"
    done = invoke("report", "pay", "--document", document, "--units", file, "--chart", str(chart))
    assert done.exit_code == 0, done.output
    assert chart.exists()


@pytest.mark.parametrize("words", [(), ("--tenant", "t", "--units", "U", "--document", "D")])
def test_report_wants_one_source(document: str, tmp_path: Path, words: tuple[str, ...]):
    file = units(tmp_path / "units.csv.gz", 20, (0.1, 0.1))
    filled = [{"U": file, "D": document}.get(word, word) for word in words]
    refused = invoke("report", "pay", *filled)
    assert refused.exit_code == 1
    assert "give --document and --units, or --tenant" in refused.output


@pytest.mark.parametrize("content", [b"unit\nu1\n", b"\xff\xfe", b"\x1f\x8b\x08broken"])
def test_report_names_a_file_it_cannot_read(document: str, tmp_path: Path, content: bytes):
    bad = tmp_path / "units.csv"
    bad.write_bytes(content)
    refused = invoke("report", "pay", "--document", document, "--units", str(bad))
    assert refused.exit_code == 1
    assert str(bad) in refused.output


def test_simulate_prints_its_seed_and_keeps_its_promises():
    done = invoke("simulate", "--runs", "200", "--units", "2000", "--seed", "20261127")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("seed 20261127, 200 runs of 2,000 units each\n")
    assert done.output.count("\nok  ") == 11
    told = invoke("simulate", "--runs", "200", "--units", "2000", "--seed", "7", "--json")
    assert json.loads(told.output)["seed"] == 7
