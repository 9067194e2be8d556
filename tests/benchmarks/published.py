"""Published speeds of the services that voicememo was made for; docs/performance.md has the source of each figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.pace import Speed

if TYPE_CHECKING:
    from collections.abc import Mapping

PUBLISHED: Final[Mapping[str, Speed]] = {
    "series.media": Speed(first_seconds=0.15),
    "series.send": Speed(first_seconds=0.25),
    "archive.put": Speed(first_seconds=0.15),
    "archive.get": Speed(first_seconds=0.15),
    "whisper": Speed(first_seconds=0.33, heard_factor=2 / 48),
    "llama": Speed(first_seconds=0.42, tokens_per_second=70.0),
    "elevenlabs": Speed(first_seconds=0.288, spoken_factor=17.5),
    "cartesia": Speed(first_seconds=0.188, spoken_factor=17.5),
}
PUBLISHED_CONNECT_SECONDS: Final = 0.08
