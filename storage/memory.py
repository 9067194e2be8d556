"""What we keep, in memory: doubles that keep the promises of the real ones, for tests and simulations.

Nothing here awaits, so each call is atomic in its event loop. Nothing outlives the process; close() forgets nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from storage.archive import NOTHING, PAGE
from storage.errors import ArchiveMissing
from storage.memory_ledger import MemoryLedger
from storage.memory_purging import Chats, MemoryPurging
from storage.memory_rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from storage.history import Turn


class MemoryStore:
    """History and ledger.

    Args:
        clock: the store's own clock, in seconds since the epoch.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        rows, chats = Rows(), Chats()
        self.history = MemoryHistory(chats)
        self.ledger = MemoryLedger(clock, rows)
        self.purging = MemoryPurging(clock, rows, chats)

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to let go of."""


class MemoryHistory:
    """Turns as a dict per chat."""

    def __init__(self, chats: Chats | None = None) -> None:
        self._chats = Chats() if chats is None else chats

    async def recent(self, chat_id: str, *, limit: int) -> Sequence[Turn]:
        """Give the last `limit` turns, oldest first."""
        turns = list(self._chats.get(chat_id, {}).values())
        return turns[max(0, len(turns) - limit) :]

    async def append(self, chat_id: str, message_id: str, turns: Sequence[Turn]) -> None:
        """Add the turns of one memo; a turn that is there already stays as it is."""
        chat = self._chats.setdefault(chat_id, {})
        for turn in turns:
            chat.setdefault((message_id, turn.role), turn)


class MemoryArchive:
    """Objects as a dict."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    async def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str,  # noqa: ARG002 (nobody asks for the type)
        about: Mapping[str, str] = NOTHING,  # noqa: ARG002 (nor for this)
    ) -> str:
        """Keep `data`; give where it is."""
        self._objects[key] = data
        return f"memory:{key}"

    async def get(self, key: str) -> bytes:
        """Give what is kept. Raises ArchiveMissing."""
        try:
            return self._objects[key]
        except KeyError:
            raise ArchiveMissing(f"nothing is kept as {key}") from None

    async def keys(self, *, prefix: str = "", after: str = "", limit: int = PAGE) -> Sequence[str]:
        """List keys in their order."""
        return sorted(key for key in self._objects if key.startswith(prefix) and key > after)[:limit]

    async def delete(self, key: str) -> None:
        """Keep an object no longer."""
        self._objects.pop(key, None)

    async def check(self) -> None:
        """One may always write here."""

    async def warm(self) -> None:
        """Nothing to do beforehand."""

    async def close(self) -> None:
        """Nothing to let go of."""
