"""Outbox: publishes the ledger's dead letters to the dead-letter topic.

The topic may be behind the ledger, never ahead. After a crash a letter may be published twice.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from consumer.kafka.ports import SourceError
from storage.errors import StoreUnavailable

if TYPE_CHECKING:
    from consumer.kafka.ports import DeadLetterTopic
    from storage.ledger import DeadLetter, Ledger

_MAX_FRESH = 100
"""Letters in memory; a sweep finds the others."""
_ROUND_SECONDS = 15.0
_BATCH = 20
_TAKEN_SECONDS = 60.0
_FLUSH_SECONDS = 5.0

log = logging.getLogger(__name__)


class Outbox:
    """Publishes new letters at once, and sweeps up those that a worker has left behind."""

    def __init__(self, ledger: Ledger, topic: DeadLetterTopic) -> None:
        self._ledger = ledger
        self._topic = topic
        self._fresh: asyncio.Queue[DeadLetter] = asyncio.Queue(_MAX_FRESH)

    def post(self, letter: DeadLetter) -> None:
        """Queue a new letter; never waits."""
        with suppress(asyncio.QueueFull):
            self._fresh.put_nowait(letter)

    async def run(self) -> None:
        """Publish until cancelled."""
        loop = asyncio.get_running_loop()
        next_round = loop.time() + _ROUND_SECONDS
        while True:
            try:
                async with asyncio.timeout_at(next_round):
                    letter = await self._fresh.get()
            except TimeoutError:
                await self.sweep()
                next_round = loop.time() + _ROUND_SECONDS
            else:
                await self._publish(letter)

    async def flush(self) -> None:
        """Publish the queued letters, within 5 s."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_SECONDS):
                while not self._fresh.empty() and await self._publish(self._fresh.get_nowait()):
                    pass

    async def sweep(self) -> None:
        """Publish letters left behind, up to the first that fails."""
        try:
            left_behind = await self._ledger.unpublished(limit=_BATCH, seconds=_TAKEN_SECONDS)
        except StoreUnavailable:
            log.warning("outbox.store_away")
            return
        for letter in left_behind:
            if not await self._publish(letter):
                return

    async def _publish(self, letter: DeadLetter) -> bool:
        try:
            await self._topic.put(letter)
            await self._ledger.mark_published(letter)
        except (SourceError, StoreUnavailable) as error:
            log.warning("outbox.delayed", extra={"error": type(error).__name__})
            return False
        return True
