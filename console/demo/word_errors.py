"""Word errors of a recognizer."""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = re.compile(r"[a-z']+")
_CURLY, _STRAIGHT = "\N{RIGHT SINGLE QUOTATION MARK}", "'"


def word_errors(said: str, heard: str) -> tuple[int, int]:
    """Count the words replaced, left out or added (Levenshtein), and the words said.

    Digits are no part of a word: `said` has its numbers written out.
    """
    wanted, got = _words(said), _words(heard)
    row = list(range(len(got) + 1))
    for number, word in enumerate(wanted, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(got, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (word != other))
    return row[-1], len(wanted)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace(_CURLY, _STRAIGHT))
