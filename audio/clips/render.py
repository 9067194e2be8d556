"""Renders the spoken fallbacks with the local voice: `python -m audio.clips.render [FOLDER]`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from audio.clips import lines
from audio.engines.espeak import SAMPLE_RATE, EspeakVoice
from audio.transcode import Transcoder


async def render(folder: Path) -> int:
    """Write LINE.LANGUAGE.m4a for each line and language; return how many."""
    voice, transcoder, count = EspeakVoice(), Transcoder(), 0
    for line, translations in lines().items():
        for language, text in translations.items():
            clip = await transcoder.encode(voice.speak(text, language=language), sample_rate=SAMPLE_RATE)
            (folder / f"{line}.{language}.m4a").write_bytes(clip.data)
        count += len(translations)
    return count


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    sys.stdout.write(f"{asyncio.run(render(target))} clips in {target}\n")
