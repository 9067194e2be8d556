"""The store in memory, which is the executable specification of the port, and an archive for tests.

Nothing awaits, so each call is atomic. No code is shared with SQLite on purpose: tests/contracts/test_ledger_machine.py
compares the two, which would prove nothing about shared code.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from storage.archive import KEYS_PER_PAGE, NO_METADATA, Archive
from storage.errors import ArchiveMissing
from storage.history import History
from storage.memory.ledger import MemoryLedger
from storage.memory.purging import MemoryPurging
from storage.memory.rows import MemoryRows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from storage.history import PastTurn


class MemoryStore:
    """A whole `Store`.

    Args:
        clock: the store's own clock, in seconds since the epoch.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        rows = MemoryRows()
        self.history = MemoryHistory(rows)
        self.ledger = MemoryLedger(clock, rows)
        self.purging = MemoryPurging(clock, rows)

    async def open(self) -> None:
        """Do nothing."""

    async def check(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


class MemoryHistory(History):
    """`History` as a dict per chat."""

    def __init__(self, rows: MemoryRows) -> None:
        self._chats = rows.turns

    async def recent(self, chat_id: str, *, limit: int) -> Sequence[PastTurn]:
        turns = list(self._chats.get(chat_id, {}).values())
        return turns[max(0, len(turns) - limit) :]

    async def append(self, chat_id: str, message_id: str, turns: Sequence[PastTurn]) -> None:
        chat = self._chats.setdefault(chat_id, {})
        for turn in turns:
            chat.setdefault((message_id, turn.role), turn)


class MemoryArchive(Archive):
    """`Archive` as a dict."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    async def put(self, key: str, data: bytes, *, content_type: str, about: Mapping[str, str] = NO_METADATA) -> str:  # noqa: ARG002 (the port's)
        self._objects[key] = data
        return f"memory:{key}"

    async def get(self, key: str) -> bytes:
        try:
            return self._objects[key]
        except KeyError:
            raise ArchiveMissing(f"nothing is kept as {key}") from None

    async def keys(self, *, prefix: str = "", after: str = "", limit: int = KEYS_PER_PAGE) -> Sequence[str]:
        return sorted(key for key in self._objects if key.startswith(prefix) and key > after)[:limit]

    async def delete(self, key: str) -> None:
        self._objects.pop(key, None)

    async def check(self) -> None:
        """Do nothing."""

    async def warm(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""
