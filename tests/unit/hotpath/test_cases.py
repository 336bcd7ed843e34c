"""Labelled visits (tests/cases) and recordings of real people (../shared/data)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hotpath.detector import Detector
from hotpath.events import TargetFlag
from hotpath.player import BATCH_MS, Player, call_of
from hotpath.recording import Reader, open_lines

if TYPE_CHECKING:
    from hotpath.emission import Emission

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests" / "cases"
DATA = ROOT.parent / "shared" / "data"

with (CASES / "labels.csv").open() as labels_file:
    # `rage`, and where `emotion` names another one `expected`, are numbers of episodes.
    LABELS = list(csv.DictReader(labels_file, restval=""))


class Heard:
    """What a recording brought."""

    def __init__(self, path: Path, strip: int = 0) -> None:
        self.said: list[Emission] = []
        detector = Detector(4096)
        player = Player(detector, "t")
        sessions: dict[str, None] = {}
        with open_lines(str(path)) as lines:
            reader = Reader(lines, path.name, strip=strip, most_ms=BATCH_MS)
            for batch in reader:
                sessions[batch.session] = None
                player.take(call_of(batch))
                self.said += detector.drain()
        player.finish(120_000)
        self.said += detector.drain()
        self.scores = {session: detector.scores("t", session) for session in sessions}
        self.hours = reader.active_ms / 3_600_000
        self.events = reader.events

    def alarms(self, emotion: str) -> int:
        """Count the episodes that were not taken back."""
        last = {
            (e.session, e.stream, e.episode): e.trigger for e in self.said if e.emotion == emotion
        }
        return sum(trigger != "abandonment_cancelled" for trigger in last.values())

    def alarms_per_hour(self, emotion: str) -> float:
        """Count the episodes of an emotion per active hour."""
        return self.alarms(emotion) / self.hours


def _real(name: str) -> Path:
    path = DATA / f"{name}.ndjson.gz"
    if not path.exists():
        pytest.skip(f"{path} is absent: recordings of real people are not part of the repository")
    return path


def _labels(name: str) -> dict[str, dict[str, str]]:
    with (DATA / f"{name}.labels.csv").open() as file:
        return {row["session"]: row for row in csv.DictReader(file)}


def test_every_case_has_one_label() -> None:
    files = sorted(path.name for path in CASES.glob("*.ndjson"))
    assert sorted(row["file"] for row in LABELS) == files


@pytest.mark.parametrize("row", LABELS, ids=[row["file"].removesuffix(".ndjson") for row in LABELS])
def test_case(row: dict[str, str]) -> None:
    """A row's last columns name another emotion than rage, and how many alarms it must raise."""
    heard = Heard(CASES / row["file"])
    assert heard.alarms("rage") == int(row["rage"]), row["why"]
    if row["emotion"]:
        assert heard.alarms(row["emotion"]) == int(row["expected"]), row["why"]


def test_office_work_is_not_rage() -> None:
    heard = Heard(_real("office_mouse"))
    assert heard.hours > 29
    assert heard.alarms_per_hour("rage") == 0
    assert heard.alarms_per_hour("confusion") <= 0.1
    assert heard.alarms_per_hour("hesitation") == heard.alarms_per_hour("abandonment") == 0


def test_office_work_on_plain_targets_is_seldom_rage() -> None:
    heard = Heard(_real("office_mouse"), strip=TargetFlag.UNOBSERVED)
    assert heard.alarms_per_hour("rage") <= 2.5
    worst = max(
        sum(e.rev == 1 and e.emotion == "rage" for e in heard.said if e.session.startswith(person))
        for person in ("user7-", "user16-", "user20-", "user21-", "user23-", "user29-")
    )
    assert worst <= 16


@pytest.mark.parametrize("name", ["web_visits", "shopping_search", "choice_conflict"])
@pytest.mark.parametrize("strip", [0, TargetFlag.UNOBSERVED])
def test_ordinary_visits_bring_no_rage(name: str, strip: int) -> None:
    heard = Heard(_real(name), strip)
    assert heard.events > 30_000
    assert heard.alarms("rage") == 0


def test_ordinary_visits_seldom_bring_confusion() -> None:
    visits = [Heard(_real(name)) for name in ("web_visits", "shopping_search")]
    assert sum(v.alarms("confusion") for v in visits) <= 2 * sum(v.hours for v in visits)


def test_silent_pages_tell_the_unhappy_from_the_happy() -> None:
    heard = Heard(_real("slow_map"))
    labels = _labels("slow_map")
    score = {s: heard.scores[s]["unanswered"] for s in labels}
    unhappy = [score[s] for s, row in labels.items() if int(row["satisfaction"]) <= 2]
    happy = [score[s] for s, row in labels.items() if int(row["satisfaction"]) >= 4]
    wins = sum((u > h) + (u == h) / 2 for u in unhappy for h in happy)
    assert wins / len(unhappy) / len(happy) > 0.8


def test_bots_are_marked_and_people_are_not() -> None:
    labels = _labels("web_visits") if _real("web_visits") else {}
    marked = {s for s, scores in Heard(_real("web_visits")).scores.items() if scores["automated"]}
    assert marked == {s for s, row in labels.items() if row["who"].endswith("_bot")}


@pytest.mark.parametrize("name", ["office_mouse", "shopping_search", "choice_conflict"])
def test_people_are_never_taken_for_bots(name: str) -> None:
    assert not any(scores["automated"] for scores in Heard(_real(name)).scores.values())
