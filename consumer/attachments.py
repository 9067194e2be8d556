"""What a message carries: every place and spelling in which a recording was ever seen.

An iPhone's voice memo often comes without a MIME type, or with a wrong one. So the kind of a thing is told by what says
most: a type or flag that names sound, the MIME type, the suffix, the first bytes. What stays vague in a message without
words is taken for a recording: the fetch stage looks at its bytes before anybody is answered.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from audio.formats import Format, by_magic, by_mime_type, by_name
from consumer.fields import first, objects_of, word, words, yes
from consumer.memo import InlineAudio, LinkedAudio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from consumer.fields import Json

_MOST_CANDIDATES = 7
"""Places where one memo's recording may be had, at most; asking the Series API makes one more."""
_LONGEST_URL = 8192
_LONGEST_NAME = 255
_LOOKED_AT = 10_000
"""Characters of a payload that are read to know what it is; line breaks are among them."""
_HEAD = 8192
"""Characters of base64 that are decoded for their magic bytes: a few frames of MP3 or AAC. A multiple of 4."""
_DATA_URI = re.compile(r"data:([\w.+-]{1,60}/[\w.+-]{1,60})?[^,]{0,200};base64,", re.ASCII | re.IGNORECASE)
"""RFC 2397, with bounds; only its base64 form."""
_MIME_TYPE = re.compile(r"\s*([\w.+-]{1,60}/[\w.+-]{1,60})\s*(?:;|\Z)", re.ASCII)

_PAYLOAD_KEYS = ("data", "data_base64", "base64_data", "content")
_URL_KEYS = ("url", "download_url", "file_url")
_NAME_KEYS = ("filename", "file_name", "name")
_MIME_KEYS = ("mime_type", "mimeType", "content_type", "mime", "type")
_VOICE_FLAGS = ("is_audio_message", "is_voice_message", "is_voice_memo")
_VOICE_TYPES = frozenset({"audio", "voice", "voice_memo", "voice_message", "audio_message"})
_VAGUE_TYPES = frozenset({"", "attachment", "file", "media"})
_VAGUE_MIME_TYPES = frozenset({"application/octet-stream", "binary/octet-stream", "application/unknown"})
_FILM_SUFFIXES = frozenset({".mp4", ".webm", ".mka", ".mov", ".3gp", ".3gpp"})
"""Sound or film: the suffix alone does not say."""
_OTHER_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".png", ".gif", ".heic", ".heif", ".webp", ".avif", ".bmp", ".tif", ".tiff", ".svg"),
        *(".mov", ".3gp", ".3gpp", ".m4v", ".avi", ".mkv", ".mpg", ".mpeg"),
        *(".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".txt", ".csv", ".html", ".json", ".xml"),
        *(".vcf", ".ics", ".zip", ".pkpass", ".usdz", ".pluginpayloadattachment"),
    }
)
"""What people send that is no recording, when nothing else says that it is one."""
_PICTURE_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"qt  "})
"""ISO base media files (ISO/IEC 14496-12, 4.3) of pictures or film: their magic bytes are those of M4A."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What a message carries beside its words."""

    audio: tuple[InlineAudio | LinkedAudio, ...]
    """Where a recording may be had: inline first, then links, each in the order of the message."""
    announced: bool
    """Whether there is, or is said to be, a recording, be it carried or not."""
    anything: bool
    """Whether anything at all is attached."""


def carried(places: Sequence[Json], *, wordless: bool) -> Carried:
    """Look for recordings. Total, and bounded however much is attached.

    Args:
        places: the objects in which a message's fields may stand, the likeliest first.
        wordless: whether the message has no text; then what is vague counts as a recording.
    """
    announced = any(_says_voice(place) for place in places)
    things = tuple(_things(places))
    sounds = [thing for thing in things if thing.is_sound(lenient=wordless or announced)]
    inline = [InlineAudio(text, sound.filename, sound.mime_type) for sound in sounds for text in sound.payloads]
    linked = [LinkedAudio(url, sound.filename, sound.mime_type) for sound in sounds for url in sound.urls]
    audio: dict[InlineAudio | LinkedAudio, None] = dict.fromkeys([*inline, *linked])
    return Carried(tuple(audio)[:_MOST_CANDIDATES], announced or bool(sounds), bool(things))


class _Kind(Enum):
    SOUND = auto()
    OTHER = auto()
    VAGUE = auto()


@dataclass(frozen=True, slots=True, repr=False)
class _Thing:
    """Something attached, as far as it says what it is."""

    type: str
    """What the message calls it: one word, or empty."""
    voice: bool
    """Whether its place, its type or a flag says that it is a recording."""
    mime_type: str | None
    """None when it is missing or says nothing."""
    filename: str | None
    payloads: tuple[str, ...]
    """Base64, perhaps behind a data: prefix."""
    urls: tuple[str, ...]

    def is_sound(self, *, lenient: bool) -> bool:
        """Whether this is a recording; what is vague is judged by its first bytes, and without any by leniency."""
        kind = self._kind()
        if kind is not _Kind.VAGUE:
            return kind is _Kind.SOUND
        return any(map(_begins_like_sound, self.payloads)) if self.payloads else lenient

    def _kind(self) -> _Kind:
        suffix = self._suffix()
        known = by_name(f"memo{suffix}") is not None
        if self.voice or (self.mime_type or "").startswith("audio/") or self.mime_type == "application/ogg":
            return _Kind.SOUND
        if known and suffix not in _FILM_SUFFIXES:
            return _Kind.SOUND
        if self.mime_type or self.type not in _VAGUE_TYPES or suffix in _OTHER_SUFFIXES:
            return _Kind.OTHER
        return _Kind.SOUND if known else _Kind.VAGUE

    def _suffix(self) -> str:
        """Give the file name's suffix, else that of the first URL's path; with its dot, or empty."""
        paths = (self.filename or "", *(urlsplit(url).path for url in self.urls[:1]))
        return next(filter(None, (PurePosixPath(path).suffix.lower() for path in paths)), "")


def _things(places: Sequence[Json]) -> Iterator[_Thing]:
    """Give all that is attached; what stands under `audio` is sound by its place."""
    for place in places:
        audio = place.get("audio")
        for sound in [{"data": audio}] if isinstance(audio, str) else objects_of(audio):
            if any(sound.values()):
                yield _thing(sound, voice=True)
        for attachment in objects_of(place.get("attachments")):
            yield _thing(attachment)
        for part in objects_of(place.get("parts")):
            if word(part.get("type")) != "text":
                yield _thing(part)


def _thing(fields: Json, *, voice: bool = False) -> _Thing:
    payloads, urls = _sources(fields)
    said = word(fields.get("type"))
    return _Thing(
        type="" if "/" in said else said,
        voice=voice or _says_voice(fields),
        mime_type=_mime_type(fields, payloads),
        filename=first((fields,), _NAME_KEYS, _filename),
        payloads=payloads,
        urls=urls,
    )


def _says_voice(fields: Json) -> bool:
    return word(fields.get("type")) in _VOICE_TYPES or any(yes(fields.get(flag)) for flag in _VOICE_FLAGS)


def _sources(fields: Json) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give payloads and URLs. Either may stand under the other's keys; what is neither is left out."""
    payloads, urls = [], []
    for key in (*_PAYLOAD_KEYS, *_URL_KEYS):
        value = fields.get(key)
        text = value.strip() if isinstance(value, str) else ""
        if text[:8].lower().startswith(("http://", "https://")):
            urls += [text] if _is_url(text) else []
        elif text and (key in _PAYLOAD_KEYS or _DATA_URI.match(text)):
            payloads.append(text)
    return tuple(payloads), tuple(urls)


def _filename(value: object) -> str | None:
    """Read a file's name; of one too long the end, where its suffix is."""
    return words(value[-_LONGEST_NAME:]) if isinstance(value, str) else None


def _is_url(text: str) -> bool:
    try:
        return len(text) <= _LONGEST_URL and text.isprintable() and bool(urlsplit(text).hostname)
    except ValueError:
        return False


def _mime_type(fields: Json, payloads: Sequence[str]) -> str | None:
    """Give the MIME type that says something: the thing's own, else its data: prefix's, else that of its `format`."""
    told = [_MIME_TYPE.match(value) for key in _MIME_KEYS if isinstance(value := fields.get(key), str)]
    told += [_DATA_URI.match(payload) for payload in payloads]
    found = [match[1].lower() for match in told if match and match[1]]
    by_format = f"audio/{word(fields.get('format'))}"
    if by_mime_type(by_format):
        found.append(by_format)
    return next((mime_type for mime_type in found if mime_type not in _VAGUE_MIME_TYPES), None)


def _begins_like_sound(payload: str) -> bool:
    """Whether the first bytes of a payload are those of a container that we know."""
    prefix = _DATA_URI.match(payload)
    start = prefix.end() if prefix else 0
    head = "".join(payload[start : start + _LOOKED_AT].split())[:_HEAD]
    try:
        data = base64.b64decode(head[: len(head) // 4 * 4], validate=True)
    except (binascii.Error, ValueError):
        return False
    kind = by_magic(data)
    return kind is not None and not (kind is Format.M4A and data[8:12] in _PICTURE_BRANDS)
