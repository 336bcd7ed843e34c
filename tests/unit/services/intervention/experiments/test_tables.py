"""Units from CSV: what is read, and how a bad line is named."""

from __future__ import annotations

import numpy as np
import pytest

from services.intervention.experiments.tables import TableError, read_table
from tests.unit.services.intervention.experiments.documents import trial

HEAD = "unit,variant,exposed_at_ms,bought"


def test_rows_become_columns_in_order_of_exposure():
    text = "\n".join([
        "unit,variant,exposed_at_ms,bought,before.bought,share.control,share.chat",
        "u2,chat,2000,1,,0.25,0.75",
        "u1,control,1000,0,3.5,0.5,0.5",
    ])  # fmt: skip
    found = read_table(trial(), text.splitlines(keepends=True))
    assert found.arm.tolist() == [0, 1]
    assert found.exposed_at_ms.tolist() == [1000, 2000]
    assert found.values["bought"].tolist() == [0, 1]
    assert found.before["bought"][0] == 3.5
    assert np.isnan(found.before["bought"][1])
    assert found.shares.tolist() == [[0.5, 0.5], [0.25, 0.75]]
    assert set(found.values) == {"bought"}


def test_without_shares_they_are_the_weights():
    found = read_table(trial(), [f"{HEAD}\n", "u1,chat,1000,1\n"])
    assert found.shares.tolist() == [[0.5, 0.5]]
    assert read_table(trial(), [f"{HEAD}\n"]).units == 0


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "line 1: column unit, variant, exposed_at_ms is missing"),
        (["unit,bought"], "column variant, exposed_at_ms is missing"),
        ([HEAD, "u1,chat,1000"], "line 2: expected 4 fields"),
        ([HEAD, "u1,chat,1000,1,2"], "line 2: expected 4 fields"),
        ([HEAD, "u1,chat,1000,1", "u1,chat,1000,1"], "line 3: unit: expected one not told before"),
        ([HEAD, ",chat,1000,1"], "line 2: unit"),
        ([HEAD, "u1,offer,1000,1"], "line 2: variant: expected control, chat, was 'offer'"),
        ([HEAD, "u1,chat,soon,1"], "line 2: exposed_at_ms: expected a number, was 'soon'"),
        ([HEAD, "u1,chat,1000,"], "line 2: bought: expected a number, was ''"),
        ([HEAD, "u1,chat,1000,nan"], "line 2: bought"),
        ([HEAD, 'u1,"chat'], "line 2: unexpected end"),
        ([f"{HEAD},share.chat", "u1,chat,1,1,1"], "expected the columns share.control, share.chat"),
        (
            [f"{HEAD},share.control,share.chat", "u1,chat,1,1,0.5,0.6"],
            "unit 1: shares must be above 0 and add up to 1",
        ),
    ],
)
def test_what_is_wrong_is_named_by_line(lines: list[str], said: str):
    with pytest.raises(TableError) as caught:
        read_table(trial(), [f"{line}\n" for line in lines])
    assert said in str(caught.value)
