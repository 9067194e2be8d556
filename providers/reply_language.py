"""Is a reply in another language than it was asked for? Only where that is plain: all else has the benefit of doubt.

A name, a title, a loanword or a phrase that is quoted must not cost a person the reply. So there has to be evidence for
another language, and next to none for the right one; languages that look alike need more of it.
"""

from __future__ import annotations

import re
from typing import Final

from providers.language_evidence import detect, plain, speakers, weigh_words, words_of
from providers.language_scripts import LATIN, count_letters, share_written, written_in

_FEWEST_LETTERS: Final = 24
_DENSE: Final = re.compile("[\\u3040-\\u30ff\\u4e00-\\u9fff\\uac00-\\ud7af]")
"""Letters that say as much as two of an alphabet."""
_LONGEST: Final = 2000
_OWN_SCRIPT: Final = 0.2
"""With so many of its letters, a text may well be in a language: the rest is quoted, or names."""
_KANA: Final = 0.5
"""Chinese may quote some kana; a text of which they are so many is Japanese."""
_FEWEST_WORDS: Final = 3
"""So many everyday words of another language, which the right one does not have, are no name and no loan."""
_FEWEST_WORDS_ALIKE: Final = 4
_PER_OWN_WORD: Final = 4
"""So many times as many as there are words of the right language alone."""
_ALIKE: Final = tuple(
    map(frozenset, (
        ("da", "no", "sv"), ("cs", "sk"), ("hr", "sl"), ("nl", "af"), ("ru", "uk", "bg", "mk"), ("hi", "mr", "ne"),
        ("es", "ca", "pt"), ("fi", "et"), ("ar", "fa", "ur"),
    ))
)  # fmt: skip


def other_language(text: str, *, wanted: str, asked: str = "") -> str | None:
    """Say which other language a reply is plainly in; None where it is in the right one, or may be.

    Args:
        text: the reply, as the model wrote it.
        wanted: the language that it should be in, a primary subtag.
        asked: what the person said: where that names the other language, they asked for it ("say it in Spanish").

    Returns:
        A primary subtag.
    """
    written = plain(text[:_LONGEST])
    own_script = share_written(written, wanted)
    if own_script is None or count_letters(written) + len(_DENSE.findall(written)) < _FEWEST_LETTERS:
        return None
    found = _found(written, wanted, own_script)
    return found if found and not _names(asked, wanted, found) else None


def _found(text: str, wanted: str, own_script: float) -> str | None:
    among = written_in(text)
    match wanted, among:
        case "zh", ("ja",):
            return "ja" if (share_written(text, "ja") or 0.0) - own_script >= _KANA else None
        case "ja", ("zh",):  # so many Han letters, and no kana among them
            return "zh"
    if wanted in among:
        return _plainly(text, wanted, among)
    if own_script >= _OWN_SCRIPT:
        return None
    return _plainly(text, wanted, among) if among == LATIN else among[0]


def _plainly(text: str, wanted: str, among: tuple[str, ...]) -> str | None:
    """Weigh the everyday words that one of two languages alone has; the n-grams must agree with them."""
    found = detect(text, weigh_words(text, among))
    if found is None or found == wanted:
        return None
    heard = [speakers(word) for word in set(words_of(text))]  # a title may say "the" three times
    foreign = sum(found in who and wanted not in who for who in heard)
    own = sum(wanted in who and found not in who for who in heard)
    alike = any({wanted, found} <= each for each in _ALIKE)
    fewest = _FEWEST_WORDS_ALIKE if alike else _FEWEST_WORDS
    return found if foreign >= fewest and foreign >= _PER_OWN_WORD * own and not (alike and own) else None


def _names(asked: str, wanted: str, found: str) -> bool:
    """Whether words in one language name another; of the name its stem is enough, for it may be inflected."""
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 (CLDR takes 30 ms that no start should wait for)

    try:
        name = plain(Locale.parse(wanted).languages.get(found, ""))
    except (UnknownLocaleError, ValueError):
        return False
    return bool(name) and name[: max(2, 2 * len(name) // 3)] in plain(asked)
