"""Characters that a text from outside may not keep: those that steer a terminal, a screen or a tokenizer. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_BLANK: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_UNSEEN: Final = frozenset({"Cf", "Cs", "Co"})
"""Format characters (bidi, zero width, tags), lone surrogates, private use."""
_JOINERS: Final = "\u200c\u200d"


def clean_line(text: str) -> str:
    """Give a text on one line, without control, bidi, zero-width, private-use and half characters.

    The joiners stay inside words: Persian, Hindi and their neighbours spell with them.
    """
    text = _BLANK.sub(" ", text)
    if text.isascii():
        return text.strip()
    kept: list[str] = []
    for place, character in enumerate(text):
        if character in _JOINERS:
            if _inside_word(kept, text[place + 1 : place + 2]):
                kept.append(character)
        elif unicodedata.category(character) not in _UNSEEN:
            kept.append(character)
    return _BLANK.sub(" ", "".join(kept)).strip()


def _inside_word(before: list[str], after: str) -> bool:
    """Whether a joiner stands between letters of a script that is not Latin."""
    if not before or before[-1].isascii() or not after or after.isascii():
        return False
    return unicodedata.category(before[-1])[0] in "LM" and after.isalpha()
