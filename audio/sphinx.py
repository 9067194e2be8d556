"""pocketsphinx: ears that need no network and no key, for English; the model comes in its wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audio.engine import Engine
from audio.wav import pcm_of

if TYPE_CHECKING:
    from audio.clip import Clip

LANGUAGE = "en"
"""The one language that its model knows."""


class SphinxEars:
    """Recognises English.

    Args:
        deadline_seconds: for one recording, in seconds.
        processes: how many recordings may be listened to at once; each takes a core and about 130 MB.
    """

    def __init__(self, *, deadline_seconds: float = 60.0, processes: int = 1) -> None:
        self._engine = Engine("audio.sphinx_process", deadline_seconds=deadline_seconds, processes=processes)

    async def listen(self, wav: Clip) -> str:
        """Give the words of a 16 kHz mono s16 WAV; empty when none were recognised. Raises EngineError."""
        said = [piece async for piece in self._engine.stream([], pcm_of(wav))]
        return b"".join(said).decode().strip()
