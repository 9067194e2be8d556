"""What is kept says what it is, and nothing personal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from audio.clip import Clip
from audio.formats import Format
from consumer.memo.states import Answering, Decoded, Fetched, Memo, Spoken
from consumer.stages.keep import Keep
from storage.archive import NO_METADATA, safe_id
from storage.memory.store import MemoryArchive
from tests.harness.paths import MEMOS

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMO = Memo("51", "id with spaces", "+15550100001", datetime(2026, 11, 21, tzinfo=UTC), ())


class Listening(MemoryArchive):
    """An archive that remembers its objects' metadata."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, tuple[str, Mapping[str, str]]] = {}

    async def put(self, key: str, data: bytes, *, content_type: str, about: Mapping[str, str] = NO_METADATA) -> str:
        """Keep it, and its metadata."""
        self.told[key] = (content_type, about)
        return await super().put(key, data, content_type=content_type, about=about)


@pytest.mark.parametrize("user_key", [b"secret", None])
async def test_what_is_known_of_an_object_goes_with_it(user_key: bytes | None) -> None:
    """Type, message id, codec and, once it is known, duration; never who spoke, whatever the key says."""
    archive = Listening()
    keep = Keep(archive, user_key)
    fetched = Fetched(MEMO, Clip((MEMOS / "en-call-me.caf").read_bytes(), Format.CAF))
    wav = Clip((MEMOS / "en-yes.wav").read_bytes(), Format.WAV, 9.984)
    reply = Clip((MEMOS / "en-weather.m4a").read_bytes(), Format.M4A, 2.5)
    answering = Answering(MEMO, "text", "en", "rung")
    keys = (
        await keep.original(fetched),
        await keep.wav(Decoded(fetched, wav)),
        await keep.reply(Spoken(answering, reply, "text", "rung")),
    )
    message = {"message-id": safe_id(MEMO.message_id)}
    assert [archive.told[key] for key in keys] == [
        ("audio/x-caf", {**message, "codec": "opus"}),
        ("audio/wav", {**message, "codec": "pcm", "seconds": "9.98"}),
        ("audio/mp4", {**message, "codec": "aac", "seconds": "2.50"}),
    ]
    words = [word for _, about in archive.told.values() for word in (*about, *about.values())]
    assert all(word.isascii() and "5550100001" not in word for word in words)
