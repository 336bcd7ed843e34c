"""What is said of each signal: seen on real people, or not."""

from __future__ import annotations

import json
import re
from pathlib import Path

from benchmarks.accuracy import evidence
from benchmarks.accuracy.evidence import MEASURED, NEVER, PRESSES, SIGNALS
from benchmarks.accuracy.evidence_page import markdown
from benchmarks.accuracy.real import Study
from benchmarks.accuracy.recorded import encode
from benchmarks.accuracy.verdicts import Verdict
from hotpath import model_file

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "evidence.md"
CASES = ROOT / "tests" / "cases"


def rage_twice() -> list[bytes]:
    """Hammer a dead button, and again 20 s later: no visit of tests/cases is so long."""
    press = {"session": "twice", "type": "click", "x": 9, "y": 9, "target": "button#pay"}
    times = (start + 200 * i for start in (0, 20_000) for i in range(4))
    return [json.dumps({**press, "t": t, "flags": ["button"]}).encode() for t in times]


def test_every_signal_can_be_seen() -> None:
    """Else "never seen" would say nothing: each is marked in some visit."""
    lines = [*rage_twice()]
    for path in sorted(CASES.rglob("*.ndjson")):
        lines += path.read_bytes().splitlines()
    found = evidence.marked(encode(lines, "cases"))
    assert [signal for signal, sessions in found.items() if not sessions] == []


def test_a_visit_marks_what_happened_in_it_and_nothing_else() -> None:
    lines = (CASES / "long_way_after_a_dwell.ndjson").read_bytes().splitlines()
    found = evidence.marked(encode(lines, "case"))
    seen = {signal for signal, sessions in found.items() if sessions}
    assert {("hesitation", "dwell"), ("hesitation", "deliberation")} <= seen
    assert not any(emotion in ("rage", PRESSES) for emotion, _ in seen)


def test_bots_are_no_people() -> None:
    who = {"a": {"who": "human"}, "b": {"who": "moderate_bot"}}
    verdicts = {name: Verdict(active_ms=3_600_000) for name in who}
    known = evidence.Evidence()
    known.add(
        Study("s", who, verdicts, verdicts, {}),
        {("rage", "key_mashing"): {"b"}, ("rage", "raged_cursor"): {"a", "b"}},
    )
    report = known.report()
    assert (report["sessions"], report["active_hours"]) == (1, 1.0)
    page = markdown(report)
    assert f"| rage | `raged_cursor` | 1 | 1.0 | {MEASURED} |" in page
    assert f"| rage | `key_mashing` | 0 | 0.0 | {NEVER} |" in page


def test_without_recordings_nothing_was_measured() -> None:
    page = markdown(evidence.Evidence().report())
    assert MEASURED not in page.split("| emotion")[1]
    assert page.count(evidence.NOTHING) == sum(map(len, SIGNALS.values()))


def test_the_page_lists_the_features_of_the_models() -> None:
    rows = re.findall(r"^\| ([\w ]+) \| `(\w+)` \| (\d+) \| .* \| (.+) \|$", PAGE.read_text(), re.M)
    features = {e: tuple(file.features) for e, file in model_file.read_default().items()}
    listed = {e: tuple(n for found, n, _, _ in rows if found == e) for e in (*features, PRESSES)}
    assert listed == {**features, PRESSES: SIGNALS[PRESSES]}
    for _, _, sessions, verdict in rows:
        assert verdict == (MEASURED if int(sessions) else NEVER)
