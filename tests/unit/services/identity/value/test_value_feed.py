"""Who watches hears of every change that concerns them, however many there are."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

import pytest

from services.common.errors import Unavailable
from services.identity.config_store import CHANNEL as CONFIG
from services.identity.value.value_feed import CHANNEL, ValueFeed

Change = tuple[str, str]


async def begun(feed: ValueFeed, tenant: str | None = None) -> AsyncIterator[Change]:
    """A watch that has been told of everybody."""
    watch = feed.watch(tenant)
    assert await anext(watch) == (tenant or "", "")
    return watch


async def test_changes_are_told_once_and_by_tenant() -> None:
    feed = ValueFeed()
    of_all, of_one = await begun(feed), await begun(feed, "acme")
    for payload in ("acme u1", "other u1", "acme u1", "acme a user", "acme"):
        feed.heard(CHANNEL, payload)
    assert [await anext(of_all) for _ in range(4)] == [
        ("acme", "u1"),
        ("other", "u1"),
        ("acme", "a user"),
        ("acme", ""),
    ]
    assert [await anext(of_one) for _ in range(3)] == [
        ("acme", "u1"),
        ("acme", "a user"),
        ("acme", ""),
    ]


async def test_documents_that_values_rest_on_concern_all_users() -> None:
    feed = ValueFeed()
    watch = await begun(feed)
    for payload in ("policy acme", "value acme", "sdk acme", "rates other"):
        feed.heard(CONFIG, payload)
    assert [await anext(watch), await anext(watch)] == [("acme", ""), ("other", "")]


async def test_who_is_far_behind_is_told_of_everybody() -> None:
    feed = ValueFeed()
    watch = await begun(feed)
    for number in range(10_001):
        feed.heard(CHANNEL, f"acme u{number}")
    feed.heard(CHANNEL, "acme last")
    assert [await anext(watch), await anext(watch)] == [("", ""), ("acme", "last")]


async def test_listening_that_begins_again_may_have_missed_anything() -> None:
    feed = ValueFeed()
    watch = await begun(feed, "acme")
    feed.heard(CHANNEL, "acme u1")
    feed.began()
    assert await anext(watch) == ("acme", "")


async def test_a_process_that_stops_ends_watches_and_one_that_goes_is_forgotten() -> None:
    feed = ValueFeed()
    gone = cast("AsyncGenerator[Change]", await begun(feed))
    await gone.aclose()
    watch = await begun(feed)
    feed.ended()
    with pytest.raises(Unavailable, match="watch again"):
        await anext(watch)
