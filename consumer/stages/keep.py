"""Keep: puts the original, the WAV and the reply into the archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audio.codecs import codec
from consumer.stages.fetch import sniffed_clip
from storage.archive import original_key, reply_key, safe_id, wav_key
from storage.people import pseudonym

if TYPE_CHECKING:
    from audio.clip import Clip
    from consumer.memo.states import Decoded, Fetched, Memo, Spoken
    from storage.archive import Archive


@dataclass(frozen=True, slots=True)
class Keep:
    """Archives sound; returns the key."""

    archive: Archive
    user_key: bytes | None  # of the pseudonyms in keys; None: keys hold the phone number (ARCHIVE_USER=phone)

    async def original(self, fetched: Fetched) -> str:
        """Keep the recording as it came. Raises ArchiveError."""
        memo, suffix = fetched.memo, fetched.original.format.suffix
        key = original_key(self._user(memo), memo.sent_at, memo.message_id, suffix)
        return await self._put(key, fetched.original, memo)

    async def load(self, key: str) -> Clip:
        """Return what is archived under a key. Raises ArchiveError."""
        return sniffed_clip(await self.archive.get(key), key)

    async def wav(self, decoded: Decoded) -> str:
        """Keep the decoded recording. Raises ArchiveError."""
        memo = decoded.fetched.memo
        return await self._put(wav_key(self._user(memo), memo.sent_at, memo.message_id), decoded.wav, memo)

    async def reply(self, spoken: Spoken, generation: int = 1) -> str:
        """Keep the spoken reply. Raises ArchiveError."""
        memo, suffix = spoken.answering.memo, spoken.clip.format.suffix
        key = reply_key(memo.sent_at, memo.message_id, suffix, generation=generation)
        return await self._put(key, spoken.clip, memo)

    async def _put(self, key: str, clip: Clip, memo: Memo) -> str:
        await self.archive.put(key, clip.data, content_type=clip.format.mime_type, about=_about(clip, memo))
        return key

    def _user(self, memo: Memo) -> str:
        if self.user_key is None:
            return memo.person or "unknown"
        return pseudonym(memo.person, self.user_key)


def _about(clip: Clip, memo: Memo) -> dict[str, str]:
    """Return an object's metadata; nothing personal (I6)."""
    known = {
        "message-id": safe_id(memo.message_id),
        "codec": codec(clip.data, clip.format),
        "seconds": f"{clip.seconds:.2f}" if clip.seconds is not None else None,
    }
    return {name: word for name, word in known.items() if word is not None}
