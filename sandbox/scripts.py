"""Scripts of our own recordings, found by their sound: for languages that the local engine does not know."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from audio.clip import Clip
from audio.errors import AudioError
from audio.formats import sniff
from sandbox.mind import digest

if TYPE_CHECKING:
    from pathlib import Path

    from audio.transcode import Transcoder


async def load_scripts(manifest: Path, memos: Path, transcoder: Transcoder) -> dict[str, tuple[str, str]]:
    """Decode the recordings of a manifest, and return digest of samples → (language, words)."""
    entries = json.loads(await asyncio.to_thread(manifest.read_text, "utf-8"))
    scripts = {}
    for entry in entries:
        data = await asyncio.to_thread((memos / entry["file"]).read_bytes)
        try:
            wav = await transcoder.decode(Clip(data, sniff(data)))
        except AudioError:
            continue
        scripts[digest(wav)] = (entry["language"] or "en", entry["words"])
    return scripts
