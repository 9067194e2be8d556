"""Is a model's reply fit to reach the person: in their language, and no recital of our own instructions? Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from providers.characters import plain
from providers.errors import OtherLanguage, PromptReadOut
from providers.ports import Role
from providers.reply_language import other_language

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from providers.ports import ChatTurn

RECITED_WORDS: Final = 12
"""So many words of our instructions, one after the other, are no coincidence."""
_LONGEST: Final = 20_000
_WORD: Final = re.compile(r"\w+")


def refuse_unfit(service: str, text: str, *, turns: Sequence[ChatTurn], language: str) -> None:
    """Let a reply pass, or not.

    Args:
        service: who wrote it.
        text: the reply, as it was written.
        turns: what the model was given: instructions first, the person's words last.
        language: that it should be in, a primary subtag.

    Raises:
        PromptReadOut: it repeats our instructions word for word.
        OtherLanguage: it is plainly in another language.
    """
    instructions = " ".join(turn.text for turn in turns if turn.role is Role.SYSTEM)
    if recites(text, instructions):
        raise PromptReadOut(service)
    asked = next((turn.text for turn in reversed(turns) if turn.role is Role.USER), "")
    if other_language(text, wanted=language, asked=asked) is not None:
        raise OtherLanguage(service)


def recites(text: str, instructions: str) -> bool:
    """Say whether a text has RECITED_WORDS words of the instructions in a row, whatever stands between the words."""
    return not _runs(instructions).isdisjoint(_runs(text[:_LONGEST]))


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(unicodedata.normalize("NFKC", plain(text)).casefold())
    return frozenset(_windows(words))


def _windows(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for start in range(len(words) - RECITED_WORDS + 1):
        yield tuple(words[start : start + RECITED_WORDS])
