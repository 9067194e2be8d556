"""History and ledger in PostgreSQL, behind PostgREST as Supabase runs it: one store for all workers of a group.

Every operation is one SQL function (storage/schema/postgres): it is done whole or not at all, by the server's clock,
and one that is asked for again because its answer was lost is not done twice.
"""

from __future__ import annotations

import asyncio
import logging
from importlib import resources
from typing import TYPE_CHECKING

from storage.errors import StoreNotReady, StoreUnavailable
from storage.supabase_client import CALL_SECONDS, SupabaseClient
from storage.supabase_errors import NotAllowed
from storage.supabase_history import SupabaseHistory
from storage.supabase_ledger import SupabaseLedger
from storage.supabase_purging import SupabasePurging

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

_TABLES = ("schema_versions", "conversations", "messages", "memos", "steps", "events", "dead_letters", "forgotten")
_READING: Mapping[str, Mapping[str, object]] = {
    "voicememo_versions": {},
    "voicememo_waiting": {"p_limit": 1},
    "voicememo_letters": {"p_limit": 1},
}
"""Functions that change nothing, with arguments."""

log = logging.getLogger(__name__)


class SupabaseStore:
    """A project.

    Args:
        url: of the project.
        key: the secret one, of the service role.
        call_seconds: how long a call may take, in seconds.
    """

    def __init__(self, url: str, key: str, *, call_seconds: float = CALL_SECONDS) -> None:
        self._client = SupabaseClient(url, key, call_seconds=call_seconds)
        self.history = SupabaseHistory(self._client)
        self.ledger = SupabaseLedger(self._client)
        self.purging = SupabasePurging(self._client)

    async def open(self) -> None:
        """Get ready. A store that is away now may be back when it is needed: that is told, and is no error yet.

        Raises:
            StoreNotReady: it will not have us: the key, or migrations that were not applied.
        """
        await self._client.open()
        try:
            await self.check()
        except (StoreNotReady, asyncio.CancelledError):
            await self._client.close()
            raise
        except StoreUnavailable as away:
            log.warning("store.away", extra={"error": str(away)})

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    async def check(self) -> None:
        """See that it answers, and that every migration was applied. Raises StoreUnavailable."""
        applied = await self._client.call("voicememo_versions", {})
        missing = [name for name in _migrations() if int(name.partition("_")[0]) not in applied["answer"]]
        if missing:
            raise StoreNotReady(f"Supabase: migrations are to be applied: {', '.join(missing)}; see docs/supabase.md")


async def exposed(url: str, key: str) -> list[str]:
    """Name the tables and functions of ours that a key opens: of one that everybody has, there must be none.

    Raises:
        StoreUnavailable: it cannot be asked.
    """
    client = SupabaseClient(url, key)
    await client.open()
    try:
        names = [f"voicememo_{table}" for table in _TABLES]
        opened = [name for name in names if await _opens(client.read(name))]
        return opened + [name for name, given in _READING.items() if await _opens(client.call(name, given))]
    finally:
        await client.close()


async def _opens(asking: Awaitable[object]) -> bool:
    try:
        await asking
    except NotAllowed:
        return False
    return True


def _migrations() -> list[str]:
    return sorted(each.name for each in (resources.files("storage") / "schema" / "postgres").iterdir())
