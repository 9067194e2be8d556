"""Answer: Heard → Answering."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer.memo.states import Answering
from conversation import budget
from conversation.replying.persona import compose
from providers.ports import ChatTurn, Role
from storage.history import behaviour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.memo.progress import Progress
    from consumer.memo.states import Heard
    from conversation.draft import StreamedReplies
    from providers.fallback.ladder import Ladder
    from storage.history import PastTurn


@dataclass(frozen=True, slots=True)
class Answer:
    """Has a model write a reply that fits the person's history and behaviour."""

    repliers: Ladder[[Sequence[ChatTurn], str, StreamedReplies], str]

    async def __call__(
        self, heard: Heard, past: tuple[PastTurn, ...], progress: Progress, drafts: StreamedReplies
    ) -> Answering:
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
