"""The reply to a person's words, as fits their history; it can be spoken while it is written."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from conversation import budget
from conversation.replying.behaviour import behaviour
from conversation.replying.fitness import refuse_unfit
from conversation.replying.persona import compose
from providers.errors import BadAnswer
from providers.ports import ChatTurn, Role

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from conversation.draft import Splitter, StreamedReplies, StreamedReply
    from conversation.turn import Turn
    from providers.fallback.ladder import Ladder, Served
    from providers.ports import Replier
    from storage.history import PastTurn

_OURS = "canned"  # a replier whose words are our own, and need no check


async def reply_to(
    words: str,
    past: tuple[PastTurn, ...],
    *,
    language: str,
    written: bool = False,
    repliers: Ladder[[Sequence[ChatTurn], str, StreamedReplies], str],
    turn: Turn,
    drafts: StreamedReplies,
) -> Served[str]:
    """Write a reply into `drafts` and return it; `written` asks for a text message. Raises LadderExhausted."""
    manner = behaviour(past, datetime.now(UTC))
    turns = compose(
        [ChatTurn(Role(each.role), each.text) for each in past],
        words,
        language=language,
        silence_seconds=manner.silence_seconds,
        recent_messages=manner.recent_messages,
        languages=manner.languages,
        written=written,
    )
    served = await repliers.within(turn.budget.share(budget.ANSWER))(turns, language, drafts)
    turn.report_attempts(served.attempts)
    return served


def replier_rung(
    service: str, replier: Replier
) -> Callable[[Sequence[ChatTurn], str, StreamedReplies], Awaitable[str]]:
    """Return a rung that writes a draft; if it fails, the draft is discarded."""

    async def call(turns: Sequence[ChatTurn], language: str, drafts: StreamedReplies) -> str:
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


async def _write(draft: StreamedReply, splitter: Splitter, stream: AsyncGenerator[str]) -> str:
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
