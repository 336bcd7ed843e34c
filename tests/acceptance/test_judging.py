"""The judge of loss sees what it is there to see."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.acceptance.judging import Order, order_of, whole


@pytest.mark.parametrize(
    ("seqs", "order"),
    [
        ([1, 2, 3], Order(3, repeats=0, gaps=0, inversions=0)),
        ([1, 2, 1, 2, 3], Order(3, repeats=2, gaps=0, inversions=0)),
        ([2, 3], Order(2, repeats=0, gaps=1, inversions=0)),
        ([1, 3], Order(2, repeats=0, gaps=1, inversions=0)),
        ([1, 3, 2], Order(3, repeats=0, gaps=1, inversions=1)),
        ([], Order(0, repeats=0, gaps=0, inversions=0)),
    ],
)
def test_order(seqs: Sequence[int], order: Order) -> None:
    assert order_of(seqs) == order


def test_whole_means_all_that_was_sent_in_order() -> None:
    assert whole(order_of([1, 2, 2, 3]), 3)
    assert not whole(order_of([1, 2]), 3)
    assert not whole(order_of([1, 3, 2]), 3)
