"""Letters for tests that look at them: a person's with much in it, and an executive's."""

from __future__ import annotations

from services.accountability.weekly.letter import Bar, Chart, Cost, Figure, Letter, Missed
from services.accountability.weekly.sources import Links

_BASE = "https://help.siq.test"
_TENANT = "--tenant acme --zone Europe/Berlin --from 2026-11-16 --to 2026-11-23"
EMOTIONS = f"sentientiq report emotions_daily {_TENANT}"
OWN = f"sentientiq report scorecard {_TENANT} --person dana"
TEAM = f"sentientiq report scorecard {_TENANT}"
COST = f"sentientiq report cost {_TENANT}"


def links_for(letter: Letter) -> Links:
    """Links that look like signed ones."""
    return Links(
        False,
        f"{_BASE}/hooks/unsubscribe/{'u' * 60}",
        {item.decision_id: f"{_BASE}/i/{item.decision_id * 2}" for item in letter.missed},
        {query: f"{_BASE}/q/{number:060d}" for number, query in enumerate(letter.queries())},
    )


def person_letter() -> Letter:
    """Of somebody who missed a few."""
    return Letter(
        "acme",
        "dana",
        "Dana Reyes",
        "2026-W47",
        "16 to 22 November 2026",
        "Europe/Berlin",
        False,
        Figure("You missed 5 moments that mattered.", "", OWN),
        (
            Figure("14", "times you were asked", OWN),
            Figure("10", "acted on in time", OWN),
            Figure("1", "acted on late", OWN),
            Figure("2", "not acted on", OWN),
            Figure("1", "never delivered", OWN, "nobody's fault"),
        ),
        (
            _missed("a", "globex.example", "Thu 19 Nov, 16:42", "seen or delivered, not acted on",
                    "USD 100,000", True),
            _missed("b", "initech-of-the-very-long-name.example", "Wed 18 Nov, 09:05",
                    "acted on after it was due", "EUR 12,500", False),
            _missed("c", "A visitor", "Mon 16 Nov, 23:51",
                    "never reached you: not counted against you", "", True),
        ),
        2,
        (_days(), _kinds()),
        Cost(
            "Cannot tell yet: it takes visitors who are left alone by chance to compare with.",
            "none", (), (), "",
        ),
    )  # fmt: skip


def executive_letter() -> Letter:
    """Of the whole team, with a cost that is known, and one report that could not be asked."""
    return Letter(
        "acme",
        "ceo",
        "Kim Osei",
        "2026-W47",
        "16 to 22 November 2026",
        "Europe/Berlin",
        True,
        Figure("The team missed 1 moment that mattered.", "", TEAM),
        (
            Figure("61", "times the team was asked", TEAM),
            Figure("48", "acted on in time", TEAM),
            Figure("4", "acted on late", TEAM),
            Figure("8", "not acted on", TEAM),
            Figure("1", "never delivered", TEAM, "nobody's fault"),
            Figure(
                "38 %", "of help shown was used", f"sentientiq report success_rates {_TENANT}",
                "rage_help: 31 % to 46 %, 171 tried",
            ),
            Figure(
                "52 of 57", "judged emotions were right",
                f"sentientiq report detector_accuracy_daily {_TENANT}",
            ),
        ),
        (
            _missed("a", "globex.example", "Thu 19 Nov, 16:42", "seen or delivered, not acted on",
                    "USD 100,000", False),
        ),
        0,
        (_kinds(), _days()),
        Cost(
            "Those who were helped bought more often than those held out by chance.",
            "randomised",
            (
                Figure(
                    "USD 18,400", "lost with those that nobody acted on", COST,
                    "95 % between USD 2,100 and USD 34,700; by a randomised holdout",
                ),
            ),
            ("People of one company talk: the holdout was dealt by visit.",),
            COST,
        ),
        ("detector_accuracy_daily: pipeline did not answer: UNAVAILABLE",),
    )  # fmt: skip


def _missed(id_: str, company: str, when: str, what: str, value: str, can_act: bool) -> Missed:
    query = "sentientiq report journey --tenant acme --from '2026-11-19 15:42:10'"
    known = Figure(value, "known value", query) if value else None
    return Missed(id_ * 32, company, what, when, known, can_act)


def _days() -> Chart:
    counts = {"Mon 16": 41, "Tue 17": 38, "Wed 18": 64, "Thu 19": 120, "Fri 20": 57, "Sat 21": 9,
              "Sun 22": 0}  # fmt: skip
    return _chart("Emotions a day", counts)


def _kinds() -> Chart:
    return _chart(
        "What was felt", {"rage": 132, "confusion": 88, "hesitation": 71, "abandonment": 38}
    )


def _chart(title: str, counts: dict[str, int]) -> Chart:
    most = max(counts.values())
    alt = f"{title}: " + ", ".join(f"{name} {count}" for name, count in counts.items()) + "."
    return Chart(
        title,
        alt,
        tuple(Bar(name, Figure(f"{n:,}", name, EMOTIONS), n / most) for name, n in counts.items()),
    )
