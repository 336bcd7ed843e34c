"""The Valkey client of every process: redis-py, made safe to cancel.

redis-py writes through asyncio.wait_for, which before Python 3.12 swallows a cancellation that
arrives just as the write ends: a loop of reads then never stops, and the process overstays its
SIGTERM. asyncio.timeout does not, and spares a task for each command.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import redis.asyncio as redis
from redis.exceptions import TimeoutError as ValkeyTimeout


class _Cancellable:
    """Mixed in before a connection class of redis-py."""

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        connection = cast("Any", self)
        if not connection.is_connected:
            await connection.connect_check_health(check_health=False)
        if check_health:
            await connection.check_health()
        # Without a timeout of its own, redis-py's method writes without wait_for.
        limit_s, connection.socket_timeout = connection.socket_timeout, None
        try:
            async with asyncio.timeout(limit_s):
                await cast("Any", super()).send_packed_command(command, check_health=False)
        except TimeoutError:
            await connection.disconnect(nowait=True)
            raise ValkeyTimeout("Timeout writing to socket") from None
        finally:
            connection.socket_timeout = limit_s


def connect(url: str) -> redis.Redis:
    """Open a lazy client of redis://, rediss://, unix:// or valkey://."""
    pool: Any = redis.ConnectionPool.from_url(
        url.replace("valkey://", "redis://", 1),
        protocol=2,
        socket_connect_timeout=2,
        health_check_interval=15,
    )
    plain = pool.connection_class
    pool.connection_class = type(f"Cancellable{plain.__name__}", (_Cancellable, plain), {})
    return redis.Redis.from_pool(pool)
