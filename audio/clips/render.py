"""Renders the spoken fallbacks: `python -m audio.clips.render [FOLDER]`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from audio.clips import lines
from audio.engines.espeak import SAMPLE_RATE, EspeakVoice
from audio.transcode import Transcoder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


async def render(
    speak: Callable[[str, str], AsyncIterator[bytes]], *, sample_rate: int, transcoder: Transcoder, folder: Path
) -> int:
    """Write LINE.LANGUAGE.m4a for each; return how many. `speak` maps (text, language) to mono s16le PCM."""
    count = 0
    for line, translations in lines().items():
        for language, text in translations.items():
            clip = await transcoder.encode(speak(text, language), sample_rate=sample_rate)
            (folder / f"{line}.{language}.m4a").write_bytes(clip.data)
            count += 1
    return count


def main() -> None:
    """Render with the local voice."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    voice = EspeakVoice()
    rendering = render(
        lambda text, language: voice.speak(text, language=language),
        sample_rate=SAMPLE_RATE,
        transcoder=Transcoder(),
        folder=folder,
    )
    sys.stdout.write(f"{asyncio.run(rendering)} clips in {folder}\n")


if __name__ == "__main__":
    main()
