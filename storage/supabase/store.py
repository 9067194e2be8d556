"""Store in PostgreSQL behind PostgREST, as Supabase runs it, for all workers of a group.

Every operation is one SQL function (storage/schema/postgres): atomic, and safe to repeat when its answer was lost.
"""

from __future__ import annotations

import asyncio
import logging
from importlib import resources
from typing import TYPE_CHECKING

from storage.errors import StoreNotReady, StoreUnavailable
from storage.supabase.client import CALL_SECONDS, SupabaseClient
from storage.supabase.errors import NotAllowed
from storage.supabase.history import SupabaseHistory
from storage.supabase.ledger import SupabaseLedger
from storage.supabase.purging import SupabasePurging

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

_TABLES = ("schema_versions", "conversations", "messages", "memos", "steps", "events", "dead_letters", "forgotten")
_READING: Mapping[str, Mapping[str, object]] = {
    "voicememo_versions": {},
    "voicememo_waiting": {"p_limit": 1},
    "voicememo_letters": {"p_limit": 1},
}

log = logging.getLogger(__name__)


class SupabaseStore:
    """A `Store` in one project.

    Args:
        url: of the project.
        key: the secret one, of the service role.
        call_seconds: timeout of a call.
    """

    def __init__(self, url: str, key: str, *, call_seconds: float = CALL_SECONDS) -> None:
        self._client = SupabaseClient(url, key, call_seconds=call_seconds)
        self.history = SupabaseHistory(self._client)
        self.ledger = SupabaseLedger(self._client)
        self.purging = SupabasePurging(self._client)

    async def open(self) -> None:
        """Open the client; a store that is away is only logged. Raises StoreNotReady."""
        await self._client.open()
        try:
            await self.check()
        except (StoreNotReady, asyncio.CancelledError):
            await self._client.close()
            raise
        except StoreUnavailable as away:
            log.warning("store.away", extra={"error": str(away)})

    async def close(self) -> None:
        await self._client.close()

    async def check(self) -> None:
        applied = await self._client.call("voicememo_versions", {})
        missing = [name for name in _migrations() if int(name.partition("_")[0]) not in applied["answer"]]
        if missing:
            raise StoreNotReady(f"Supabase: apply the migrations {', '.join(missing)}; see docs/supabase.md")


async def exposed(url: str, key: str) -> list[str]:
    """List our tables and functions that a key opens; the public key must open none. Raises StoreUnavailable."""
    client = SupabaseClient(url, key)
    await client.open()
    try:
        names = [f"voicememo_{table}" for table in _TABLES]
        opened = [name for name in names if await _opens(client.read(name))]
        return opened + [name for name, given in _READING.items() if await _opens(client.call(name, given))]
    finally:
        await client.close()


async def _opens(request: Awaitable[object]) -> bool:
    try:
        await request
    except NotAllowed:
        return False
    return True


def _migrations() -> list[str]:
    return sorted(each.name for each in (resources.files("storage") / "schema" / "postgres").iterdir())
