"""What of a text is fit to be spoken, and how: by a voice that reads words well and signs badly. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from providers.characters import clean_line
from providers.spoken_length import shortened
from providers.spoken_markup import as_prose, without_blocks, without_markup

MAX_WORDS: Final = 80
_LONGEST: Final = 20_000
"""Characters that are looked at: many times what may be said."""
_PASSES: Final = 12
_BEFORE_MARK: Final = re.compile(r"\s+([,.!?;:،؛؟](?:\s|\Z)|[。！？，、])")  # noqa: RUF001 (marks of other scripts)
_SIGNS: Final = str.maketrans({"٪": "%", "％": "%", "٫": ".", "٬": ","})  # noqa: RUF001 (Arabic and wide signs)
_NUMBER_SPACE: Final = re.compile("(?<=[0-9])[\\u00a0\\u202f\\u2009](?=[0-9]{3}(?![0-9]))")
"""The blanks that group digits, and nothing else does."""


def speakable(text: str, *, language: str, max_words: int = MAX_WORDS) -> str:
    """Make a text fit to be spoken; empty when nothing of it is.

    Markup, emoji, lists, code and stage directions go; numbers, dates, times, money, units, abbreviations and
    addresses are written as they are said, and left alone where that is in doubt; what is too long ends at a sentence.

    Args:
        text: as a model wrote it.
        language: of the text, a primary subtag.
        max_words: how much may be said.
    """
    text = text[:_LONGEST]
    for _ in range(_PASSES):  # what is taken away may bring together what then has to go too
        said = shortened(_pass(text, language), max_words)
        if said == text:
            break
        text = said
    return text


def _pass(text: str, language: str) -> str:
    """Go once over a text."""
    # with the numbers comes CLDR, 30 ms that neither --help nor a worker's start should wait for
    from providers.spoken_money import money_spoken  # noqa: PLC0415 (as said above)
    from providers.spoken_names import abbreviations_spoken, addresses_spoken, signs_spoken  # noqa: PLC0415 (the same)
    from providers.spoken_numbers import joined, numbers_spoken  # noqa: PLC0415 (the same)
    from providers.spoken_times import times_spoken  # noqa: PLC0415 (the same)

    text = "\n".join(clean_line(line) for line in _ascii_digits(without_blocks(text)).splitlines())
    text = as_prose(addresses_spoken(text, language))
    text = abbreviations_spoken(text, language)
    text = times_spoken(joined(text, language), language)
    text = numbers_spoken(money_spoken(text, language), language)
    text = clean_line(without_markup(signs_spoken(text, language)))
    text = _BEFORE_MARK.sub(r"\1", text)
    return text if any(character.isalnum() for character in text) else ""


def _ascii_digits(text: str) -> str:
    """Write the digits of every script the same way, which every voice reads in its own language."""
    if text.isascii():
        return text
    text = _NUMBER_SPACE.sub("", text.translate(_SIGNS))
    return "".join(str(unicodedata.decimal(character, character)) for character in text)
