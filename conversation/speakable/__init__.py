"""Text normalisation for voices, which read words well and signs badly. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from conversation.speakable.length import shorten
from conversation.speakable.markup import as_prose, clean_line, without_blocks, without_markup

MAX_WORDS: Final = 80
_LONGEST: Final = 20_000  # characters that are read
_PASSES: Final = 12
_BEFORE_MARK: Final = re.compile(r"\s+([,.!?;:،؛؟](?:\s|\Z)|[。！？，、])")  # noqa: RUF001 (marks of other scripts)
_SIGNS: Final = str.maketrans({"٪": "%", "％": "%", "٫": ".", "٬": ","})  # noqa: RUF001 (Arabic and wide signs)
_NUMBER_SPACE: Final = re.compile("(?<=[0-9])[\\u00a0\\u202f\\u2009](?=[0-9]{3}(?![0-9]))")
"""A blank that groups digits."""


def speakable(text: str, *, language: str, max_words: int = MAX_WORDS) -> str:
    """Return a text as it is to be spoken; empty when nothing of it can be.

    Markup, emoji, code and stage directions go; numbers, times, money, units, abbreviations and addresses are
    verbalised unless ambiguous; the text ends at a sentence.
    """
    text = text[:_LONGEST]
    for _ in range(_PASSES):  # what is removed may bring together what has to be removed too
        normalised = shorten(_pass(text, language), max_words)
        if normalised == text:
            break
        text = normalised
    return text


def _pass(text: str, language: str) -> str:
    # with the numbers comes CLDR, 30 ms that neither --help nor a worker's start should wait for
    from conversation.speakable import names  # noqa: PLC0415 (as said above)
    from conversation.speakable.amounts import verbalize_amounts  # noqa: PLC0415 (the same)
    from conversation.speakable.numbers import join_digit_groups, verbalize_numbers  # noqa: PLC0415 (the same)
    from conversation.speakable.times import verbalize_times  # noqa: PLC0415 (the same)

    text = "\n".join(clean_line(line) for line in _ascii_digits(without_blocks(text)).splitlines())
    text = as_prose(names.verbalize_addresses(text, language))
    text = names.verbalize_abbreviations(text, language)
    text = verbalize_times(join_digit_groups(text, language), language)
    text = verbalize_numbers(verbalize_amounts(text, language), language)
    text = clean_line(without_markup(names.verbalize_signs(text, language)))
    text = _BEFORE_MARK.sub(r"\1", text)
    return text if any(character.isalnum() for character in text) else ""


def _ascii_digits(text: str) -> str:
    if text.isascii():
        return text
    text = _NUMBER_SPACE.sub("", text.translate(_SIGNS))
    return "".join(str(unicodedata.decimal(character, character)) for character in text)
