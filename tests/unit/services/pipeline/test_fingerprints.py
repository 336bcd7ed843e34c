"""Rows have the same number here and in ClickHouse, whatever is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.pipeline.analytics import EmbeddedAnalytics
from services.pipeline.arrow import pa
from services.pipeline.fingerprints import COLUMNS, row_hashes, total
from services.pipeline.reports import Reports
from services.pipeline.sinks import wall_ms
from services.pipeline.topics import TOPICS
from tests.unit.services.pipeline.messages import (
    batch,
    decision,
    delivered,
    emotion,
    identify,
    outcome,
)

AWKWARD = "zoë\u2028\x1f'\\\t\n\x00 😀"
MESSAGES: dict[str, list[Any]] = {
    "events": [
        batch(1),
        batch(2, [[3, 0, -0.0, 1e-30, 7], [21, 5, AWKWARD], [5, 1, 3e38, 0.1]]),
        batch(3, page=AWKWARD, session=AWKWARD),
    ],
    "identifies": [identify(3), identify(4)],
    "emotions": [emotion(), emotion("e2")],
    "decisions": [decision(), decision("d2", asks=False)],
    "outcomes": [outcome("ACTED", decision="d1"), outcome("SHOWN", intervention=AWKWARD)],
}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.table)
async def test_sums_agree_with_clickhouse(topic: Any, tmp_path: Path) -> None:
    deliveries = [
        delivered(message, topic.decode, offset=place)
        for place, message in enumerate(MESSAGES[topic.table], 1)
    ]
    rows = topic.rows(deliveries, wall_ms())
    assert set(COLUMNS[topic.table]) <= set(rows.column_names)
    analytics = EmbeddedAnalytics(tmp_path)
    try:
        await analytics.migrate()
        await analytics.insert(topic.table, rows)
        table = await Reports(analytics).run("*", "row_hashes", {})
        days = await Reports(analytics).run("*", "days", {})
    finally:
        await analytics.close()
    found = pa.ipc.open_stream(table.arrow).read_all().to_pylist()
    hashes = row_hashes(topic.table, rows)
    assert sum(row["rows"] for row in found) == len(hashes) == rows.num_rows
    assert sum(row["hash"] for row in found) % (1 << 64) == total(hashes)
    assert {row["source"] for row in found} == {topic.table}
    assert days.rows == 1


def test_order_does_not_matter_and_content_does() -> None:
    (topic, *_) = TOPICS
    deliveries = [delivered(message, topic.decode) for message in MESSAGES["events"]]
    rows = topic.rows(deliveries, 1)
    turned = rows.take(pa.array(range(rows.num_rows - 1, -1, -1)))
    assert total(row_hashes("events", turned)) == total(row_hashes("events", rows))
    for name in COLUMNS["events"]:
        place = rows.column_names.index(name)
        column = rows[name].to_pylist()
        column[0] = f"{column[0]}!" if isinstance(column[0], str) else (column[0] or 0) + 1
        other = rows.set_column(place, name, pa.array(column, _plain(rows[name].type)))
        assert total(row_hashes("events", other)) != total(row_hashes("events", rows)), name


def _plain(kind: Any) -> Any:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
