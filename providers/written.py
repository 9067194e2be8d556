"""A reply that is sent as a text: what of it is fit to be read on a phone. Pure."""

from __future__ import annotations

import re
from typing import Final

from providers.characters import clean_line
from providers.spoken_length import shortened
from providers.spoken_markup import LINK

MAX_WORDS: Final = 200
_LONGEST: Final = 8_000
"""Characters that are read of a model's stream: many times what is sent."""
_FENCE: Final = re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE)
_HEADING: Final = re.compile(r"^[ \t]*#{1,6}[ \t]+", re.MULTILINE)
_EMPHASIS: Final = re.compile(r"(?<![\w*])(\*{1,3}|_{2,3})(?=\S)(.{1,400}?)(?<=\S)\1(?![\w*])")
_CODE: Final = re.compile(r"`([^`\n]{1,400})`")
_TAG: Final = re.compile(r"</?[A-Za-z!][^<>\n]{0,200}>|<\|[^<>|\n]{0,80}\|>")
_GAP: Final = re.compile(r"\n{3,}")


class Written:
    """Cuts nothing: the reply is one piece, whole when the model is done with it."""

    def __init__(self, language: str) -> None:  # noqa: ARG002 (it matters to what is spoken)
        self._text = ""
        self.full = False
        """Whether nothing more will be sent."""

    def feed(self, piece: str) -> list[str]:
        """Take the next piece; give the reply once there is more of it than will be sent."""
        self._text += piece
        self.full = len(self._text) >= _LONGEST
        return self.end() if self.full else []

    def end(self) -> list[str]:
        """Give the reply, unless nothing of it is fit to be sent."""
        text, self._text = writable(self._text), ""
        return [text] if text else []


def writable(text: str) -> str:
    """Give what of a text is fit to be sent as one: plain lines without markup, not too long."""
    text = _TAG.sub("", _FENCE.sub("", text[:_LONGEST].replace("\r\n", "\n").replace("\r", "\n")))
    text = LINK.sub(_link, _HEADING.sub("", text))
    text = _CODE.sub(r"\1", _EMPHASIS.sub(r"\2", text))
    lines = (clean_line(line) for line in text.split("\n"))
    return shortened(_GAP.sub("\n\n", "\n".join(lines)).strip(), MAX_WORDS)


def _link(found: re.Match[str]) -> str:
    """Write a link out: what it is called, and where it leads."""
    target = found[0].rpartition("](")[2].rstrip(")").partition(" ")[0]
    return f"{found[1]} ({target})" if found[1] and found[1] != target else target
