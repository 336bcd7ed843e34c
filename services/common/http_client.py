"""One HTTP client for calls to others: bounded time, bounded answers, no redirects, no proxies."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

_MAX_ANSWER_BYTES = 64 * 1024


class NotSent(Exception):
    """The request certainly did not reach the other side."""


class Unanswered(Exception):
    """The request may have reached the other side; nobody knows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, the body cut at 64 KiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http:
    """Calls what the tenants and providers run."""

    def __init__(self, *, total_timeout_s: float = 10.0) -> None:
        self._total_timeout_s = total_timeout_s
        self._client = _client(total_timeout_s, keep=64)
        # A pool knows a connection by its address alone: kept, one that was verified for a name
        # would serve another name at the same address.
        self._by_address = _client(total_timeout_s, keep=0)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        auth: tuple[str, str] | None = None,
        tls_name: str | None = None,
    ) -> Answer:
        """Send one request and read the answer.

        Args:
            tls_name: name of the certificate, where the URL names an address.

        Raises:
            NotSent: no connection.
            Unanswered: it broke or took too long after the connection stood.
        """
        try:
            client = self._by_address if tls_name else self._client
            request = client.build_request(
                method,
                url,
                headers=dict(headers or {}),
                content=content,
                extensions={"sni_hostname": tls_name} if tls_name else None,
            )
            async with asyncio.timeout(self._total_timeout_s):
                response = await client.send(
                    request, stream=True, auth=httpx.BasicAuth(*auth) if auth else None
                )
                try:
                    body = await _read(response)
                finally:
                    await response.aclose()
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.InvalidURL,
        ) as error:
            raise NotSent(type(error).__name__) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise Unanswered(type(error).__name__) from error
        return Answer(response.status_code, response.headers, body)

    async def close(self) -> None:
        """Release connections."""
        await self._client.aclose()
        await self._by_address.aclose()


def _client(total_timeout_s: float, *, keep: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        timeout=httpx.Timeout(total_timeout_s, connect=3.0, pool=5.0),
        limits=httpx.Limits(max_connections=512, max_keepalive_connections=keep),
        follow_redirects=False,
        trust_env=False,
        # Unpacked nowhere, so no answer can be a bomb.
        headers={"user-agent": "SentientIQ/1", "accept-encoding": "identity"},
    )


async def _read(response: httpx.Response) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_raw():
        chunks.append(chunk)
        size += len(chunk)
        if size >= _MAX_ANSWER_BYTES:
            break
    return b"".join(chunks)[:_MAX_ANSWER_BYTES]
