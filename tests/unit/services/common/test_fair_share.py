"""Shares are fair, and every member computes the same ones, whatever its version."""

from __future__ import annotations

import pytest

from services.common.ownership import fair_share
from services.common.partition import PARTITIONS

MEMBERS = [f"10.0.0.{host}:7102" for host in range(1, 5)]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_no_member_has_twice_its_due(count: int):
    members = MEMBERS[:count]
    due = PARTITIONS / count
    assert all(due / 2 < len(fair_share(member, members)) < due * 2 for member in members)


def test_the_order_in_which_members_are_listed_does_not_matter():
    for member in MEMBERS:
        assert fair_share(member, MEMBERS) == fair_share(member, MEMBERS[::-1])


def test_one_alone_has_everything_a_stranger_nothing():
    assert fair_share("a:1", ["a:1"]) == set(range(PARTITIONS))
    assert fair_share("b:1", ["a:1"]) == set()


def test_shares_are_the_same_in_every_version():
    """Two versions run side by side during an upgrade: they must not both want a partition."""
    members = ["a:1", "b:1", "c:1"]
    assert sorted(fair_share("a:1", members)) == [
        *(1, 3, 5, 7, 8, 10, 11, 14, 17, 28, 34, 35, 36, 38, 39, 47, 48, 51, 53, 59, 62)
    ]
    assert sorted(fair_share("b:1", members)) == [
        *(12, 13, 15, 16, 20, 21, 22, 23, 30, 41, 46, 49, 50, 52, 54, 55, 60, 61, 63)
    ]
