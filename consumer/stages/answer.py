"""Answer: Heard → Answering. What to say; told sentence by sentence to whoever speaks it meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer import budget
from consumer.memo import Answering
from providers.errors import BadAnswer
from providers.persona import compose
from providers.ports import ChatTurn, Role
from providers.reply_check import refuse_unfit
from storage.history import behaviour

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from consumer.draft import Cutter, Draft, Drafts
    from consumer.memo import Heard
    from consumer.progress import Progress, Timing
    from providers.ladder import Ladder
    from providers.ports import Replier

_OURS = "canned"
"""The replier whose words are our own: they are not judged, for nobody stands behind it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Has the model write a reply, with the person's history and behaviour in view."""

    repliers: Ladder[[Sequence[ChatTurn], str, Drafts], str]

    async def __call__(self, heard: Heard, progress: Progress, timing: Timing, drafts: Drafts) -> Answering:
        """Write a reply. The last rung is canned and cannot fail, so this raises nothing of its own."""
        manner = behaviour(heard.past, datetime.now(UTC))
        turns = compose(
            [ChatTurn(Role(turn.role), turn.text) for turn in heard.past],
            heard.words,
            language=heard.language,
            silence_seconds=manner.silence_seconds,
            recent_messages=manner.recent_messages,
            languages=manner.languages,
            written=heard.memo.text is not None,
        )
        repliers = self.repliers.within(progress.budget.part(budget.ANSWER))
        served = await repliers(turns, heard.language, drafts)
        progress.fell(served.attempts)
        timing.rung = served.rung
        return Answering(heard.memo, served.value, heard.language, served.rung, heard)


def whole_reply(service: str, replier: Replier) -> Callable[[Sequence[ChatTurn], str, Drafts], Awaitable[str]]:
    """Make a rung of a replier: its stream read to the end, and made fit to be spoken.

    What is whole of it is told as a draft, which is discarded should the rung fall.
    """

    async def call(turns: Sequence[ChatTurn], language: str, drafts: Drafts) -> str:
        draft = drafts.begin(language)
        try:
            written = await _write(draft, drafts.cutter(language), replier.reply(turns, language=language))
            if not draft.text:
                raise BadAnswer(service, "nothing fit to be spoken")
            if service != _OURS:
                await asyncio.to_thread(refuse_unfit, service, written, turns=turns, language=language)
            draft.end()
        finally:
            draft.discard()
        return draft.text

    return call


async def _write(draft: Draft, cutter: Cutter, stream: AsyncGenerator[str]) -> str:
    """Read a model's stream for as long as what it says will be said; give what was read, as it was written."""
    written: list[str] = []
    async with aclosing(stream) as pieces:
        async for piece in pieces:
            written.append(piece)
            draft.say(*cutter.feed(piece))
            if cutter.full:
                return "".join(written)
    draft.say(*cutter.end())
    return "".join(written)
