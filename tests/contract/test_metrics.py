"""docs/metrics.md says what the code declares, and the names follow one pattern."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from cli.metrics_page import CATALOGUES, document
from services.common.metrics import Histogram, Metric
from tests.integration.mesh_up import ROOT

ENTRIES = [entry for catalogue in CATALOGUES for entry in catalogue.entries]
_SUFFIX = {"s": "_seconds", "By": "_bytes", "1": "_ratio"}


def test_the_page_is_the_code() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    assert page == document(), (
        "docs/metrics.md is not what the code declares: "
        ".venv/bin/python -m cli.metrics_page > docs/metrics.md"
    )


def test_names_come_once() -> None:
    assert [name for name, count in Counter(e.name for e in ENTRIES).items() if count > 1] == []


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_name_says_part_and_unit(entry: Metric[object] | Histogram) -> None:
    assert re.fullmatch(r"siq_[a-z]+_[a-z_]+", entry.name)
    counter = isinstance(entry, Metric) and entry.kind == "counter"
    assert entry.name.endswith("_total") == counter
    plain = entry.name.removesuffix("_total")
    assert plain.endswith(_SUFFIX.get(entry.unit, "")) or re.fullmatch(r"\{[a-z]+\}", entry.unit)
    assert entry.help[0].isupper()
    assert not entry.help.endswith(".")
