"""Fitness of a model's reply: in the person's language, and no recital of our instructions. Pure.

A name, a loanword or a quotation must not cost a person the reply, so another language takes clear evidence.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from conversation.language.evidence import detect, languages_with, lowercase, split_words, weigh_words
from conversation.language.scripts import LATIN, candidate_languages, count_letters, script_share
from conversation.speakable.markup import clean_line
from providers.errors import OtherLanguage, PromptReadOut
from providers.ports import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from providers.ports import ChatTurn

RECITED_WORDS: Final = 12
"""So many words of our instructions in a row are no coincidence."""
_LONGEST: Final = 20_000
_WORD: Final = re.compile(r"\w+")
_LONGEST_SAMPLE: Final = 2000
_FEWEST_LETTERS: Final = 24
_DENSE: Final = re.compile("[\\u3040-\\u30ff\\u4e00-\\u9fff\\uac00-\\ud7af]")  # two letters of an alphabet each
_OWN_SCRIPT: Final = 0.2  # share of letters that makes a language possible
_KANA: Final = 0.5  # share of kana that Chinese does not quote
_FEWEST_WORDS: Final = 3  # everyday words of the other language alone; fewer may be names and loans
_FEWEST_WORDS_ALIKE: Final = 4
_PER_OWN_WORD: Final = 4  # foreign words for each of the right language
_ALIKE: Final = tuple(
    map(frozenset, (
        ("da", "no", "sv"), ("cs", "sk"), ("hr", "sl"), ("nl", "af"), ("ru", "uk", "bg", "mk"), ("hi", "mr", "ne"),
        ("es", "ca", "pt"), ("fi", "et"), ("ar", "fa", "ur"),
    ))
)  # fmt: skip


def refuse_unfit(service: str, text: str, *, turns: Sequence[ChatTurn], language: str) -> None:
    """Raise if a reply to `turns` must not reach the person.

    Raises:
        PromptReadOut: it repeats our instructions.
        OtherLanguage: it is clearly in another language.
    """
    instructions = " ".join(turn.text for turn in turns if turn.role is Role.SYSTEM)
    if recites(text, instructions):
        raise PromptReadOut(service)
    request = next((turn.text for turn in reversed(turns) if turn.role is Role.USER), "")
    if other_language(text, wanted=language, request=request) is not None:
        raise OtherLanguage(service)


def recites(text: str, instructions: str) -> bool:
    """Return whether a text has RECITED_WORDS words of the instructions in a row."""
    return not _runs(instructions).isdisjoint(_runs(text[:_LONGEST]))


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(unicodedata.normalize("NFKC", clean_line(text)).casefold())
    return frozenset(tuple(words[at : at + RECITED_WORDS]) for at in range(len(words) - RECITED_WORDS + 1))


def other_language(text: str, *, wanted: str, request: str = "") -> str | None:
    """Return the primary subtag of the wrong language that a reply is clearly in; else None.

    A language that the person's words name (`request`, "say it in Spanish") is not wrong.
    """
    text = lowercase(text[:_LONGEST_SAMPLE])
    own_share = script_share(text, wanted)
    if own_share is None or count_letters(text) + len(_DENSE.findall(text)) < _FEWEST_LETTERS:
        return None
    other = _other_language(text, wanted, own_share)
    return other if other and not _names(request, wanted, other) else None


def _other_language(text: str, wanted: str, own_share: float) -> str | None:
    candidates = candidate_languages(text)
    match wanted, candidates:
        case "zh", ("ja",):
            return "ja" if (script_share(text, "ja") or 0.0) - own_share >= _KANA else None
        case "ja", ("zh",):  # so many Han letters, and no kana among them
            return "zh"
    if wanted in candidates:
        return _by_words(text, wanted, candidates)
    if own_share >= _OWN_SCRIPT:
        return None
    return _by_words(text, wanted, candidates) if candidates == LATIN else candidates[0]


def _by_words(text: str, wanted: str, candidates: tuple[str, ...]) -> str | None:
    """Compare the everyday words of two languages; the n-grams must agree."""
    other = detect(text, weigh_words(text, candidates))
    if other is None or other == wanted:
        return None
    languages = [languages_with(word) for word in set(split_words(text))]  # a title may repeat "the" three times
    foreign = sum(other in each and wanted not in each for each in languages)
    own = sum(wanted in each and other not in each for each in languages)
    alike = any({wanted, other} <= group for group in _ALIKE)
    fewest = _FEWEST_WORDS_ALIKE if alike else _FEWEST_WORDS
    return other if foreign >= fewest and foreign >= _PER_OWN_WORD * own and not (alike and own) else None


def _names(request: str, wanted: str, other: str) -> bool:
    """Return whether words name a language; the stem is enough, as names are inflected."""
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 (CLDR takes 30 ms that no start should wait for)

    try:
        name = lowercase(Locale.parse(wanted).languages.get(other, ""))
    except (UnknownLocaleError, ValueError):
        return False
    return bool(name) and name[: max(2, 2 * len(name) // 3)] in lowercase(request)
