"""The world outside a worker's process: the stores and the Series API, each dealt with through the process's hands."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from consumer.kafka.ports import SourceError
from providers.errors import OutcomeUnknown, Rejected, Unavailable
from providers.ports import SentText, always_ours
from storage.archive import KEYS_PER_PAGE, NO_METADATA
from storage.errors import ArchiveUnavailable, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
    from random import Random

    from providers.ports import VoiceReply
    from storage.ledger import DeadLetter
    from storage.memory.store import MemoryStore
    from tests.simulation.process import Process

T = TypeVar("T")

SLOWEST_SEND_SECONDS = 2.0
"""How long a send may travel before the Series API has it: with a lost answer, shorter than the sender waits."""
_LOST_ANSWER_SECONDS = 3.0
_SWIFT_SEND_SECONDS = 0.4
_BROKEN_ANSWER_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Sent:
    """A message in a chat."""

    chat_id: str
    key: str
    filename: str
    text: str


@dataclass
class Weather:
    """How likely things are to go wrong, for now."""

    store: float = 0.0
    renewal: float = 0.0
    """Chance that a renewal fails, if higher than `store`."""
    archive: float = 0.0
    refused: float = 0.0
    lost: float = 0.0
    answer_lost: float = 0.0
    audio_refused: float = 0.0
    swift: bool = False
    """Sends travel fast, and a lost answer is noticed at once: there is time to send again within one attempt."""

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self.__init__(swift=self.swift)  # type: ignore[misc]


@dataclass
class SeriesApi:
    """What the Series API has taken."""

    honours_keys: bool
    sent: list[Sent] = field(default_factory=list)

    def accept(self, message: Sent) -> str:
        """Take a message; one whose key is known is the one that is there already, if keys are honoured."""
        if self.honours_keys:
            for number, known in enumerate(self.sent):
                if known.key == message.key:
                    return str(number)
        self.sent.append(message)
        return str(len(self.sent) - 1)

    def find(self, chat_id: str, filenames: Collection[str], text: SentText | None) -> str | None:
        """Look for a message."""
        for number, known in enumerate(self.sent):
            by_name = known.filename in filenames if known.filename else text is not None and known.text == text.text
            if known.chat_id == chat_id and by_name:
                return str(number)
        return None


class Hands:
    """What one process has of the world outside: each dealing may fail, before its effect or after."""

    def __init__(self, process: Process, random: Random, weather: Weather) -> None:
        self.process = process
        self.random = random
        self.weather = weather

    async def deal(self, work: Callable[[], T], chance: float, failure: Exception) -> T:
        """Deal with a store."""
        lost = answer_lost = None
        if self.random.random() < chance:
            if self.random.random() < 0.5:
                lost = failure
            else:
                answer_lost = failure
        return await self.process.deal(work, lost=lost, answer_lost=answer_lost)


class SimulatedStore:
    """A Ledger or a History: whatever is called on it is called on the store, at one moment."""

    def __init__(self, hands: Hands, store: Any) -> None:  # noqa: ANN401 (either port)
        self._hands = hands
        self._store = store

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)

        async def call(*args: object, **kwargs: object) -> object:
            hands, weather = self._hands, self._hands.weather
            chance = max(weather.store, weather.renewal) if name == "renew" else weather.store
            return await hands.deal(lambda: at_once(method(*args, **kwargs)), chance, StoreUnavailable("storm"))

        return call


class SimulatedArchive:
    """An Archive."""

    def __init__(self, hands: Hands, objects: dict[str, bytes]) -> None:
        self._hands = hands
        self._objects = objects

    async def put(self, key: str, data: bytes, *, content_type: str, about: Mapping[str, str] = NO_METADATA) -> str:
        """Keep."""
        del content_type, about
        hands = self._hands
        await hands.deal(
            lambda: self._objects.__setitem__(key, data), hands.weather.archive, ArchiveUnavailable("storm")
        )
        return key

    async def get(self, key: str) -> bytes:
        """Return."""
        hands = self._hands
        return await hands.deal(lambda: self._objects[key], hands.weather.archive, ArchiveUnavailable("storm"))

    async def keys(self, *, prefix: str = "", after: str = "", limit: int = KEYS_PER_PAGE) -> Sequence[str]:
        """List."""
        return sorted(key for key in self._objects if key.startswith(prefix) and key > after)[:limit]

    async def delete(self, key: str) -> None:
        """Keep no longer."""
        self._objects.pop(key, None)

    async def check(self) -> None:
        """Do nothing."""

    async def warm(self) -> None:
        """Be ready."""

    async def close(self) -> None:
        """Hold nothing."""


class SimulatedMessenger:
    """The Series API from one process."""

    service = "series"
    listed_by_seconds = 0.0

    def __init__(self, hands: Hands, api: SeriesApi) -> None:
        self._hands = hands
        self._api = api

    @asynccontextmanager
    async def typing(self, chat_id: str) -> AsyncIterator[None]:
        """Show nothing."""
        del chat_id
        yield

    async def send_voice(self, reply: VoiceReply, *, still_ours: Callable[[], None] = always_ours) -> str:
        """Send."""
        if self._hands.random.random() < self._hands.weather.audio_refused:
            raise Rejected("series", status=415)
        return await self._send(Sent(reply.chat_id, reply.idempotency_key, reply.filename, reply.text), still_ours)

    async def send_text(
        self, chat_id: str, text: str, *, idempotency_key: str, still_ours: Callable[[], None] = always_ours
    ) -> str:
        """Send."""
        return await self._send(Sent(chat_id, idempotency_key, "", text), still_ours)

    async def find_sent(self, chat_id: str, *, filenames: Collection[str], text: SentText | None = None) -> str | None:
        """Look."""
        lost = Unavailable("series") if self._hands.random.random() < self._hands.weather.refused else None
        return await self._hands.process.deal(lambda: self._api.find(chat_id, filenames, text), lost=lost)

    async def _send(self, message: Sent, still_ours: Callable[[], None]) -> str:
        """Send: the request leaves only if it is still ours when its last piece is written."""
        hands, weather = self._hands, self._hands.weather
        draw = hands.random.random()
        await hands.process.step()
        still_ours()
        if draw < weather.refused:
            await hands.process.step()
            raise Unavailable("series", status=503)
        lost = OutcomeUnknown("series") if draw < weather.refused + weather.lost else None
        unheard = hands.random.random() < weather.answer_lost
        silent_seconds = _BROKEN_ANSWER_SECONDS if weather.swift else _LOST_ANSWER_SECONDS
        try:
            sent_id = await hands.process.deal(
                lambda: self._api.accept(message),
                seconds=_SWIFT_SEND_SECONDS if weather.swift else SLOWEST_SEND_SECONDS,
                lost=lost,
            )
        except OutcomeUnknown:
            await asyncio.sleep(silent_seconds)
            raise
        if unheard:
            await asyncio.sleep(silent_seconds)
            raise OutcomeUnknown("series")
        return sent_id


class SimulatedDeadLetters:
    """The dead-letter topic from one process."""

    def __init__(self, hands: Hands, topic: list[DeadLetter]) -> None:
        self._hands = hands
        self._topic = topic

    async def put(self, letter: DeadLetter) -> None:
        """Publish."""
        hands = self._hands
        await hands.deal(lambda: self._topic.append(letter), hands.weather.store, SourceError("storm"))


def at_once(coroutine: Any) -> Any:  # noqa: ANN401 (its result)
    """Run a coroutine that never waits: the in-memory stores are such."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("an in-memory store waited")


def facts_of(store: MemoryStore, chat_id: str, message_id: str) -> Mapping[str, object]:
    """Look into the ledger from above."""
    stories = [story for story in at_once(store.ledger.find(message_id)) if story.key.chat_id == chat_id]
    return stories[0].facts if stories else {}
