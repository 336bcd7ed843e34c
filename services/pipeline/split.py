"""A table of rows, cut into the archive's files: one a tenant and hour of event time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from services.pipeline.arrow import compute, pa

_HOUR_MS = 3_600_000
# More hours than event times may span: see decode.py.
_HOURS = 1 << 24
# Offsets of the log stay far below it.
_OFFSETS = 1 << 48


def split_by_hour(rows: Any, order: Sequence[str], roll: int) -> dict[str, Any]:
    """Split a table by tenant and hour; keys are paths.

    Rows of a file are sorted by `order`; if that is empty they stay as they come. A file is named
    by where it begins in the log, and by its roll.
    """
    tenants = compute.cast(rows["tenant_id"], pa.string()).combine_chunks().dictionary_encode()
    tenant_of = _numbers(tenants.indices)
    hour_of = _numbers(compute.cast(rows["t"], pa.int64())) // _HOUR_MS
    place_of = _numbers(rows["log_partition"]) * _OFFSETS + _numbers(rows["log_offset"])
    files: dict[str, Any] = {}
    keys, file_of = np.unique(tenant_of * _HOURS + hour_of, return_inverse=True)
    for number, key in enumerate(keys.tolist()):
        tenant, hour = divmod(key, _HOURS)
        mine = np.flatnonzero(file_of == number)
        table = rows if len(keys) == 1 else rows.take(pa.array(mine))
        if order:
            table = table.sort_by([(column, "ascending") for column in order])
        partition, offset = divmod(int(place_of[mine].min()), _OFFSETS)
        day = time.strftime("date=%Y-%m-%d/hour=%H", time.gmtime(hour * _HOUR_MS // 1000))
        name = f"part-{partition:02d}-{offset:012d}-{roll}.parquet"
        files[f"tenant={quote(tenants.dictionary[tenant].as_py(), safe='')}/{day}/{name}"] = table
    return files


def _numbers(column: Any) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.asarray(column, np.int64)
    return found
