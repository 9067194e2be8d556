"""Answer: Heard → Answering. What to say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer.memo import Answering
from providers.errors import BadAnswer
from providers.persona import compose, spoken
from providers.ports import ChatTurn, Role
from storage.history import behaviour

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from consumer.memo import Heard
    from consumer.progress import Progress, Timing
    from providers.ladder import Ladder
    from providers.ports import Replier


@dataclass(frozen=True, slots=True)
class Answer:
    """Has the model write a reply, with the person's history and behaviour in view."""

    repliers: Ladder[[Sequence[ChatTurn], str], str]

    async def __call__(self, heard: Heard, progress: Progress, timing: Timing) -> Answering:
        """Write a reply. The last rung is canned and cannot fail, so this raises nothing of its own."""
        manner = behaviour(heard.past, datetime.now(UTC))
        turns = compose(
            [ChatTurn(Role(turn.role), turn.text) for turn in heard.past],
            heard.words,
            language=heard.language,
            silence_seconds=manner.silence_seconds,
            recent_messages=manner.recent_messages,
            languages=manner.languages,
        )
        served = await self.repliers(turns, heard.language)
        progress.fell(served.attempts)
        timing.rung = served.rung
        return Answering(heard.memo, served.value, heard.language, served.rung, heard)


def whole_reply(service: str, replier: Replier) -> Callable[[Sequence[ChatTurn], str], Awaitable[str]]:
    """Make a rung of a replier: its stream read to the end, and made fit to be spoken."""

    async def call(turns: Sequence[ChatTurn], language: str) -> str:
        text = spoken("".join([piece async for piece in replier.reply(turns, language=language)]), language=language)
        if not text:
            raise BadAnswer(service, "nothing fit to be spoken")
        return text

    return call
