"""tests/cases/companies.csv: what a product manager can read and correct, each line held."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from services.identity.company.address import email_of
from services.identity.company.judge import company_of

_FILE = Path(__file__).parents[3] / "cases" / "companies.csv"
with _FILE.open(newline="", encoding="utf-8") as _opened:
    CASES = list(csv.DictReader(_opened))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["address"])
def test_case(case: dict[str, str]) -> None:
    found = company_of(None, email_of(case["address"]))
    expected = (case["kind"], case["company"], case["parent"])
    assert (found.kind, found.company, found.parent) == expected, case["why"]


def test_there_are_many_of_every_kind() -> None:
    assert len({case["address"] for case in CASES}) == len(CASES) >= 500
    assert min(Counter(case["kind"] for case in CASES).values()) >= 20
