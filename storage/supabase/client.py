"""Client of a Supabase project: calls SQL functions with a timeout, without retries."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx
from postgrest.exceptions import APIError
from supabase import AsyncClient, AsyncClientOptions, acreate_client

from storage.errors import StoreUnavailable
from storage.supabase.errors import error_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

Json: TypeAlias = Any

CALL_SECONDS = 8.0
"""Timeout of a call: less than a third of a lease."""
EVENT_SECONDS = 60.0
"""Timeout of a call that carries an event, perhaps with a recording of 35 MB."""

_CONNECT_SECONDS = 4.0
_CONNECTIONS = 32
_IDLE_SECONDS = 20.0
"""Lifetime of an idle connection: less than gateways keep theirs."""


class SupabaseClient:
    """Client of one project; `call_seconds` is the timeout of a call."""

    def __init__(self, url: str, key: str, *, call_seconds: float = CALL_SECONDS) -> None:
        self._url = url
        self._key = key
        self._call_seconds = call_seconds
        self._http: httpx.AsyncClient | None = None
        self._client: AsyncClient | None = None

    async def open(self) -> None:
        """Create the HTTP client; sends nothing yet."""
        self._http = await asyncio.to_thread(_new_http)  # certificates are read
        # Without a person's session the SDK has nothing to refresh, and sends nothing by itself.
        options = AsyncClientOptions(
            httpx_client=self._http, postgrest_client_retry=False, auto_refresh_token=False, persist_session=False
        )
        self._client = await acreate_client(self._url, self._key, options)

    async def close(self) -> None:
        self._client = None
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def call(self, function: str, arguments: Mapping[str, object], *, seconds: float | None = None) -> Json:
        """Call an SQL function; return its object, which has an "answer".

        Raises:
            StoreUnavailable: it may succeed later, and may have been done.
            Fenced, ValueError, KeyError: raised by the function (storage/schema/postgres/0003_claims.sql).
            StoreError: a bug.
        """
        limit = self._call_seconds if seconds is None else seconds
        answer = await _answered(self._opened().rpc(function, dict(arguments)).execute(), limit)
        # The SDK returns what is no JSON as its text, and an empty answer as an empty list.
        if not isinstance(answer, dict) or "answer" not in answer:
            raise StoreUnavailable("Supabase: the answer is not from a function of ours")
        return answer

    async def read(self, table: str) -> Json:
        """Return one row of a table. Raises StoreUnavailable."""
        return await _answered(self._opened().table(table).select("*").limit(1).execute(), self._call_seconds)

    def _opened(self) -> AsyncClient:
        if self._client is None:
            raise RuntimeError("the store is not open")
        return self._client


async def _answered(request: Awaitable[Any], seconds: float) -> Json:
    # Errors carry nothing of what was sent or received (I6).
    try:
        async with asyncio.timeout(seconds):
            return (await request).data
    except TimeoutError:
        raise StoreUnavailable("Supabase: no answer in time") from None
    except httpx.RequestError as error:
        raise StoreUnavailable(f"Supabase: {type(error).__name__}") from None
    except APIError as refusal:
        raise error_of(refusal) from None


def _new_http() -> httpx.AsyncClient:
    # HTTP/1.1: over HTTP/2, the SDK's own choice, calls that share a connection fail together (supabase-py #1064).
    return httpx.AsyncClient(
        timeout=httpx.Timeout(EVENT_SECONDS, connect=_CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=_IDLE_SECONDS),
        follow_redirects=False,
    )
