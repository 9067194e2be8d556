"""Answer: Heard → Answering. The reply can be spoken while it is written."""

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
    from consumer.progress import Progress
    from providers.ladder import Ladder
    from providers.ports import Replier
    from storage.history import Turn

_OURS = "canned"
"""A replier whose words are our own, and need no check."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Has a model write a reply that fits the person's history and behaviour."""

    repliers: Ladder[[Sequence[ChatTurn], str, Drafts], str]

    async def __call__(self, heard: Heard, past: tuple[Turn, ...], progress: Progress, drafts: Drafts) -> Answering:
        """Write a reply; the last rung cannot fail."""
        manner = behaviour(past, datetime.now(UTC))
        turns = compose(
            [ChatTurn(Role(turn.role), turn.text) for turn in past],
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
        return Answering(heard.memo, served.value, heard.language, served.rung, heard)


def whole_reply(service: str, replier: Replier) -> Callable[[Sequence[ChatTurn], str, Drafts], Awaitable[str]]:
    """Return a rung that writes a draft; if it fails, the draft is discarded."""

    async def call(turns: Sequence[ChatTurn], language: str, drafts: Drafts) -> str:
        draft = drafts.begin(language)
        try:
            written = await _write(draft, drafts.splitter(language), replier.reply(turns, language=language))
            if not draft.text:
                raise BadAnswer(service, "nothing fit to be spoken")
            if service != _OURS:
                await asyncio.to_thread(refuse_unfit, service, written, turns=turns, language=language)
            draft.end()
        finally:
            draft.discard()
        return draft.text

    return call


async def _write(draft: Draft, splitter: Cutter, stream: AsyncGenerator[str]) -> str:
    """Read a model's stream until the reply is long enough; return the raw text."""
    written: list[str] = []
    async with aclosing(stream) as pieces:
        async for piece in pieces:
            written.append(piece)
            draft.say(*splitter.feed(piece))
            if splitter.full:
                return "".join(written)
    draft.say(*splitter.end())
    return "".join(written)
