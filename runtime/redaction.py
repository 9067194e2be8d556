"""Redaction of logs and spans, those of libraries included: the second line of defence of I6."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Collection

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"

MASK = "[redacted]"

_LEAST_SECRET = 4
"""Characters; masking a shorter secret would hit half of every line."""
_LONGEST_TEXT = 500
_MOST_ENTRIES = 50
_DEEPEST = 4
_PATTERNS = (
    # a header or a setting by its name, with all that follows up to a comma, semicolon, quote or closing brace
    re.compile(
        r"(?i)((?:authorization|cookie|api[-_ ]?key|password|passwd|secret|token)[\"']?\s*[:=]\s*[\"']?)"
        r"[^,;}\"']+"
    ),
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]+"),
    re.compile(r"()\b(?:hf_|sk[-_]|gsk_|eyJ|AKIA|ASIA)[A-Za-z0-9_.-]{8,}"),
    re.compile(r"()(?:\+|%2[Bb]) ?\d(?:[ ().-]{0,2}\d){6,}"),  # phone numbers, as E.164 and as people write it
    re.compile(r"()\bb(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"),  # the repr of bytes
    re.compile(r"()[A-Za-z0-9+/]{80,}={0,2}"),  # base64 (RFC 4648, 4): longer than any id or digest of ours
    re.compile(r"()[A-Za-z0-9_-]{160,}={0,2}"),  # base64url (RFC 4648, 5): longer than any archive key
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PRIVATE = frozenset(
    {
        *("authorization", "apikey", "token", "secret", "password", "cookie", "headers"),
        *("phone", "person", "text", "words", "transcript", "body", "payload", "audio", "data"),
    }
)
"""Last words of field names whose values are always masked."""


class Redactor:
    """Makes values safe to log; masks secrets URL-encoded or without their plus sign, too."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        spelt = {spelling for it in secrets for spelling in (it, quote(it, safe=""), it.removeprefix("+"))}
        worth = sorted((spelling for spelling in spelt if len(spelling) >= _LEAST_SECRET), key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, worth))) if worth else None

    def text(self, text: str) -> str:
        """Mask what looks private in a text, and cut it to 500 characters."""
        if self._secrets is not None:
            text = self._secrets.sub(MASK, text)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\1{MASK}", text)
        text = _CONTROL.sub(" ", text)
        return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"

    def field(self, name: str, value: object) -> Plain:
        """Make the value of a field safe to log."""
        if re.split(r"[._-]", name.lower())[-1] in _PRIVATE or name.lower().endswith("api_key"):
            return MASK
        return self._value(value, _DEEPEST)

    def _value(self, value: object, depth: int) -> Plain:
        match value:
            case None | bool() | int() | float():
                plain: Plain = value
            case str():
                plain = self.text(value)
            case list() | tuple() | set() | frozenset() if depth:
                plain = [self._value(entry, depth - 1) for entry in list(value)[:_MOST_ENTRIES]]
            case dict() if depth:
                entries = list(value.items())[:_MOST_ENTRIES]
                plain = {self.text(str(name)): self._entry(name, entry, depth - 1) for name, entry in entries}
            case _:
                plain = f"<{type(value).__name__}>"
        return plain

    def _entry(self, name: object, value: object, depth: int) -> Plain:
        return MASK if self.field(str(name), None) == MASK else self._value(value, depth)
