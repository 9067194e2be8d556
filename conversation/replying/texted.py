"""Conversion of a model's Markdown into a plain text message. Pure."""

from __future__ import annotations

import re
from typing import Final

from conversation.speakable.length import shorten
from conversation.speakable.markup import LINK, clean_line

MAX_WORDS: Final = 200
_LONGEST: Final = 8_000  # characters that are read
_FENCE: Final = re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE)
_HEADING: Final = re.compile(r"^[ \t]*#{1,6}[ \t]+", re.MULTILINE)
_EMPHASIS: Final = re.compile(r"(?<![\w*])(\*{1,3}|_{2,3})(?=\S)(.{1,400}?)(?<=\S)\1(?![\w*])")
_CODE: Final = re.compile(r"`([^`\n]{1,400})`")
_TAG: Final = re.compile(r"</?[A-Za-z!][^<>\n]{0,200}>|<\|[^<>|\n]{0,80}\|>")
_GAP: Final = re.compile(r"\n{3,}")


class TextReply:
    """A splitter of streamed text that returns it in one piece."""

    def __init__(self, language: str) -> None:  # noqa: ARG002 (the same as Sentences)
        self._text = ""
        self.full = False

    def feed(self, piece: str) -> list[str]:
        """Add a piece; return the text once it is longer than is sent."""
        self._text += piece
        self.full = len(self._text) >= _LONGEST
        return self.end() if self.full else []

    def end(self) -> list[str]:
        """Return the text, unless empty."""
        text, self._text = writable(self._text), ""
        return [text] if text else []


def writable(text: str) -> str:
    """Return plain lines without markup, of MAX_WORDS words at most."""
    text = _TAG.sub("", _FENCE.sub("", text[:_LONGEST].replace("\r\n", "\n").replace("\r", "\n")))
    text = LINK.sub(_link, _HEADING.sub("", text))
    text = _CODE.sub(r"\1", _EMPHASIS.sub(r"\2", text))
    lines = (clean_line(line) for line in text.split("\n"))
    return shorten(_GAP.sub("\n\n", "\n".join(lines)).strip(), MAX_WORDS)


def _link(match: re.Match[str]) -> str:
    target = match[0].rpartition("](")[2].rstrip(")").partition(" ")[0]
    return f"{match[1]} ({target})" if match[1] and match[1] != target else target
