"""Recordings in a message, in every place and spelling seen so far.

An iPhone's voice memo often has no MIME type, or a wrong one. So the strongest sign decides: a type or flag that means
sound, the MIME type, the suffix, the first bytes. Without any, an attachment without text counts as a recording.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from audio.formats import Format, by_magic, by_mime_type, by_name
from consumer.events.json_fields import as_keyword, as_objects, as_text, first_readable, is_true
from consumer.memo.states import InlineAudio, LinkedAudio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from consumer.events.json_fields import Json

_MOST_SOURCES = 7
_LONGEST_URL = 8192
_LONGEST_NAME = 255
_LONGEST_ENCODED_HEAD = 10_000
"""Characters, line breaks included."""
_HEAD = 8192
"""Characters of base64 decoded for the magic bytes: a few frames of MP3 or AAC. A multiple of 4."""
_DATA_URI = re.compile(r"data:([\w.+-]{1,60}/[\w.+-]{1,60})?[^,]{0,200};base64,", re.ASCII | re.IGNORECASE)
"""RFC 2397, in its base64 form."""
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
"""Sound or film."""
_OTHER_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".png", ".gif", ".heic", ".heif", ".webp", ".avif", ".bmp", ".tif", ".tiff", ".svg"),
        *(".mov", ".3gp", ".3gpp", ".m4v", ".avi", ".mkv", ".mpg", ".mpeg"),
        *(".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".txt", ".csv", ".html", ".json", ".xml"),
        *(".vcf", ".ics", ".zip", ".pkpass", ".usdz", ".pluginpayloadattachment"),
    }
)
"""No recording, unless a stronger sign decides."""
_PICTURE_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"qt  "})
"""Brands of pictures and film (ISO/IEC 14496-12, 4.3) that share M4A's magic bytes."""


@dataclass(frozen=True, slots=True)
class Attachments:
    """Attachments of a message."""

    audio: tuple[InlineAudio | LinkedAudio, ...]
    """Inline ones first."""
    announced: bool
    """Whether a recording is claimed, even without `audio`."""
    anything: bool


def find_attachments(layers: Sequence[Json], *, wordless: bool) -> Attachments:
    """Find the recordings of a message; never raises. Vague attachments count if it is `wordless`, without text."""
    announced = any(_is_marked_voice(layer) for layer in layers)
    attached = tuple(_attachments(layers))
    sounds = [each for each in attached if each.is_sound(lenient=wordless or announced)]
    inline = [InlineAudio(payload, sound.filename, sound.mime_type) for sound in sounds for payload in sound.payloads]
    linked = [LinkedAudio(url, sound.filename, sound.mime_type) for sound in sounds for url in sound.urls]
    audio: dict[InlineAudio | LinkedAudio, None] = dict.fromkeys([*inline, *linked])
    return Attachments(tuple(audio)[:_MOST_SOURCES], announced or bool(sounds), bool(attached))


@dataclass(frozen=True, slots=True, repr=False)
class _Attachment:
    type: str
    is_voice: bool
    """Whether its place, its type or a flag marks it as a voice memo."""
    mime_type: str | None
    """None when missing or vague."""
    filename: str | None
    payloads: tuple[str, ...]
    """Base64, perhaps with a data: prefix."""
    urls: tuple[str, ...]

    def is_sound(self, *, lenient: bool) -> bool:
        labelled = self._is_labelled_sound()
        if labelled is not None:
            return labelled
        return any(map(_begins_like_sound, self.payloads)) if self.payloads else lenient

    def _is_labelled_sound(self) -> bool | None:
        """Return whether the labels mean sound; None if vague."""
        suffix = self._suffix()
        known = by_name(f"memo{suffix}") is not None
        if self.is_voice or (self.mime_type or "").startswith("audio/") or self.mime_type == "application/ogg":
            return True
        if known and suffix not in _FILM_SUFFIXES:
            return True
        if self.mime_type or self.type not in _VAGUE_TYPES or suffix in _OTHER_SUFFIXES:
            return False
        return True if known else None

    def _suffix(self) -> str:
        paths = (self.filename or "", *(urlsplit(url).path for url in self.urls[:1]))
        return next(filter(None, (PurePosixPath(path).suffix.lower() for path in paths)), "")


def _attachments(layers: Sequence[Json]) -> Iterator[_Attachment]:
    for layer in layers:
        audio = layer.get("audio")
        for sound in [{"data": audio}] if isinstance(audio, str) else as_objects(audio):
            if any(sound.values()):
                yield _attachment(sound, is_voice=True)
        for attachment in as_objects(layer.get("attachments")):
            yield _attachment(attachment)
        for part in as_objects(layer.get("parts")):
            if as_keyword(part.get("type")) != "text":
                yield _attachment(part)


def _attachment(fields: Json, *, is_voice: bool = False) -> _Attachment:
    payloads, urls = _sources(fields)
    kind = as_keyword(fields.get("type"))
    return _Attachment(
        type="" if "/" in kind else kind,
        is_voice=is_voice or _is_marked_voice(fields),
        mime_type=_mime_type(fields, payloads),
        filename=first_readable((fields,), _NAME_KEYS, _filename),
        payloads=payloads,
        urls=urls,
    )


def _is_marked_voice(fields: Json) -> bool:
    return as_keyword(fields.get("type")) in _VOICE_TYPES or any(is_true(fields.get(flag)) for flag in _VOICE_FLAGS)


def _sources(fields: Json) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return payloads and URLs, which may stand under the other's keys."""
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
    return as_text(value[-_LONGEST_NAME:]) if isinstance(value, str) else None


def _is_url(text: str) -> bool:
    try:
        return len(text) <= _LONGEST_URL and text.isprintable() and bool(urlsplit(text).hostname)
    except ValueError:
        return False


def _mime_type(fields: Json, payloads: Sequence[str]) -> str | None:
    """Return the first MIME type that is not vague: its own, of its data: prefix, of its `format`."""
    matches = [_MIME_TYPE.match(value) for key in _MIME_KEYS if isinstance(value := fields.get(key), str)]
    matches += [_DATA_URI.match(payload) for payload in payloads]
    mime_types = [match[1].lower() for match in matches if match and match[1]]
    by_format = f"audio/{as_keyword(fields.get('format'))}"
    if by_mime_type(by_format):
        mime_types.append(by_format)
    return next((mime_type for mime_type in mime_types if mime_type not in _VAGUE_MIME_TYPES), None)


def _begins_like_sound(payload: str) -> bool:
    prefix = _DATA_URI.match(payload)
    start = prefix.end() if prefix else 0
    head = "".join(payload[start : start + _LONGEST_ENCODED_HEAD].split())[:_HEAD]
    try:
        data = base64.b64decode(head[: len(head) // 4 * 4], validate=True)
    except (binascii.Error, ValueError):
        return False
    container = by_magic(data)
    return container is not None and not (container is Format.M4A and data[8:12] in _PICTURE_BRANDS)
