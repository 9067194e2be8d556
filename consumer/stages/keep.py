"""Keep: the original, the WAV and the reply go to the archive, beside the main line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audio.clip import Clip
from audio.errors import UnknownFormat
from audio.formats import Format, sniff
from storage.archive import original_key, pseudonym, reply_key, wav_key

if TYPE_CHECKING:
    from consumer.memo import Decoded, Fetched, Memo, Spoken
    from storage.archive import Archive


@dataclass(frozen=True, slots=True)
class Keep:
    """Puts sound into the archive; each method gives the key that it is kept under."""

    archive: Archive
    user_key: bytes | None
    """Secret behind the pseudonyms in keys; None when keys carry the phone number (ARCHIVE_USER=phone)."""

    async def original(self, fetched: Fetched) -> str:
        """Keep the recording as it came. Raises ArchiveError."""
        memo, suffix = fetched.memo, fetched.original.format.suffix
        return await self._put(original_key(self._user(memo), memo.sent_at, memo.message_id, suffix), fetched.original)

    async def kept(self, key: str) -> Clip:
        """Give back what is kept under a key. Raises ArchiveError."""
        data = await self.archive.get(key)
        try:
            return Clip(data, sniff(data, filename=key))
        except UnknownFormat:
            return Clip(data, Format.UNKNOWN)

    async def wav(self, decoded: Decoded) -> str:
        """Keep what was listened to. Raises ArchiveError."""
        memo = decoded.fetched.memo
        return await self._put(wav_key(self._user(memo), memo.sent_at, memo.message_id), decoded.wav)

    async def reply(self, spoken: Spoken, generation: int = 1) -> str:
        """Keep what was answered. Raises ArchiveError."""
        memo, suffix = spoken.answering.memo, spoken.clip.format.suffix
        return await self._put(reply_key(memo.sent_at, memo.message_id, suffix, generation=generation), spoken.clip)

    async def _put(self, key: str, clip: Clip) -> str:
        await self.archive.put(key, clip.data, content_type=clip.format.mime_type)
        return key

    def _user(self, memo: Memo) -> str:
        if self.user_key is None:
            return memo.person or "unknown"
        return pseudonym(memo.person, self.user_key)
