"""Answer: Heard → Answering. The reply can be spoken while it is written."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from conversation.replying.fitness import refuse_unfit
from providers.errors import BadAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from conversation.draft import Splitter, StreamedReplies, StreamedReply
    from providers.ports import ChatTurn, Replier

_OURS = "canned"
"""A replier whose words are our own, and need no check."""


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
