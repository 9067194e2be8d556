"""Ladders that hear, answer and speak: their rungs, deadlines and budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from conversation.hearing.listen import transcriber_rung
from conversation.replying.reply import replier_rung
from conversation.speaking.rehearsal import Voiced, recorded_line, short_line_rung, synthesizer_rung
from providers.fallback.ladder import Ladder, Rung
from providers.models.local import CannedReplier
from providers.settings import HEARING_SECONDS, LOCAL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audio.clip import Clip
    from audio.transcode import Transcoder
    from conversation.draft import StreamedReplies, StreamedReply
    from conversation.hearing.listen import ExpectedLanguage
    from providers.factory import Adapters
    from providers.ports import ChatTurn, Replier, Transcript

# What a whole ladder may take for a step alone; the budget of a turn is shorter.
_HEAR_BUDGET_SECONDS: Final = 45.0
_ANSWER_BUDGET_SECONDS: Final = 20.0
_SPEAK_BUDGET_SECONDS: Final = 45.0
# What one rung may take. A voice may have to wait for the words; stalls are judged apart from that.
_MODEL_SECONDS: Final = 8.0
_VOICE_SECONDS: Final = 25.0
_SHORT_SECONDS: Final = 8.0
_LEAST_REMOTE_SECONDS: Final = 0.5  # with less time left no service is tried
_LEAST_LOCAL_SECONDS: Final = 0.3  # with less time left the local voice is not started


def hearing(adapters: Adapters) -> Ladder[[Clip, ExpectedLanguage], Transcript]:
    """Make the ladder of transcribers."""
    rungs: list[Rung[[Clip, ExpectedLanguage], Transcript]] = [
        Rung(
            name,
            transcriber_rung(name, adapter),
            LOCAL_SECONDS if name == "local" else HEARING_SECONDS,
            _LEAST_REMOTE_SECONDS,
        )
        for name, adapter in adapters.transcribers.items()
    ]
    return Ladder("hear", *rungs, budget_seconds=_HEAR_BUDGET_SECONDS)


def answering(adapters: Adapters) -> Ladder[[Sequence[ChatTurn], str, StreamedReplies], str]:
    """Make the ladder of repliers, with the canned one even where it is not configured: the reply is never empty."""
    repliers: dict[str, Replier] = {**adapters.repliers}
    repliers.setdefault("canned", CannedReplier())
    rungs = [
        Rung(name, replier_rung(name, replier), _MODEL_SECONDS, _LEAST_REMOTE_SECONDS)
        for name, replier in repliers.items()
    ]
    return Ladder("answer", *rungs, budget_seconds=_ANSWER_BUDGET_SECONDS)


def speaking(adapters: Adapters, transcoder: Transcoder) -> Ladder[[StreamedReply], Voiced]:
    """Make the ladder of voices.

    Before the local voice the others get a second chance with a short line. The pre-rendered clip is always last, even
    if not configured: it cannot fail.
    """
    remote = {name: voice for name, voice in adapters.synthesizers.items() if name != "local"}
    rungs: list[Rung[[StreamedReply], Voiced]] = [
        Rung(name, synthesizer_rung(name, voice, transcoder), _VOICE_SECONDS, _LEAST_REMOTE_SECONDS)
        for name, voice in remote.items()
    ]
    rungs += [
        Rung(
            f"{name}-short",
            short_line_rung(name, voice, transcoder),
            _SHORT_SECONDS,
            _LEAST_REMOTE_SECONDS,
            service=name,
        )
        for name, voice in remote.items()
    ]
    if "local" in adapters.synthesizers:
        local = adapters.synthesizers["local"]
        rungs.append(Rung("local", synthesizer_rung("local", local, transcoder), LOCAL_SECONDS, _LEAST_LOCAL_SECONDS))
    rungs.append(Rung("clip", recorded_line, _SHORT_SECONDS))
    return Ladder("speak", *rungs, budget_seconds=_SPEAK_BUDGET_SECONDS)
