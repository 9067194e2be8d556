"""Answer: Heard → Answering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.memo.states import Answering
from conversation.replying.reply import reply_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.memo.progress import Progress
    from consumer.memo.states import Heard
    from conversation.draft import StreamedReplies
    from providers.fallback.ladder import Ladder
    from providers.ports import ChatTurn
    from storage.history import PastTurn


@dataclass(frozen=True, slots=True)
class Answer:
    """Has a model write a reply that fits the person's history and behaviour."""

    repliers: Ladder[[Sequence[ChatTurn], str, StreamedReplies], str]

    async def __call__(
        self, heard: Heard, past: tuple[PastTurn, ...], progress: Progress, drafts: StreamedReplies
    ) -> Answering:
        """Write a reply; the last rung cannot fail."""
        served = await reply_to(
            heard.words,
            past,
            language=heard.language,
            written=heard.memo.text is not None,
            repliers=self.repliers,
            turn=progress,
            drafts=drafts,
        )
        return Answering(heard.memo, served.value, heard.language, served.rung, heard)
