"""pocketsphinx, the local recognizer for English; its model comes in its wheel."""

from __future__ import annotations

from audio.clip import Clip, pcm_of
from audio.engines.engine import Engine

LANGUAGE = "en"


class SphinxRecognizer:
    """Local recognizer; each process takes a core and about 130 MB."""

    def __init__(self, *, deadline_seconds: float = 60.0, processes: int = 1) -> None:
        self._engine = Engine("audio.engines.sphinx_process", deadline_seconds=deadline_seconds, processes=processes)

    async def listen(self, wav: Clip) -> str:
        """Return the words of a 16 kHz mono s16 WAV, or "". Raises EngineError."""
        words = [piece async for piece in self._engine.stream([], pcm_of(wav))]
        return b"".join(words).decode().strip()
