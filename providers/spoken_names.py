"""Addresses, abbreviations and signs as they are said. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from providers.spoken_numbers import LETTER
from providers.spoken_words import ENDING, WORDS, Words

_MAIL: Final = re.compile(
    r"(?:mailto:)?(?<![A-Za-z0-9._%+-])(?P<who>[A-Za-z0-9_%+][A-Za-z0-9._%+-]{0,63})"
    r"@(?P<where>[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})"
)
_URL: Final = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}://|www\.)(?P<rest>[!-~]*[0-9A-Za-z/])?", re.IGNORECASE)
_HOST: Final = re.compile(r"(?:www\.)?(?P<host>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)", re.IGNORECASE)
_BARE: Final = re.compile(
    rf"(?<![{LETTER}0-9_@./-])(?:www\.)?(?P<host>(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|io|app|dev|info|ai))"
    rf"(?![{LETTER}0-9_@-]|\.[A-Za-z0-9])(?:/(?:[!-~]*[0-9A-Za-z/])?)?",
    re.IGNORECASE,
)


def addresses_spoken(text: str, language: str) -> str:
    """Say e-mail addresses, and of URLs the host: the rest of them nobody could follow by ear."""
    text = _MAIL.sub(lambda found: _mail(found, WORDS.get(language)), text)
    text = _URL.sub(lambda found: f" {_url(found['rest'] or '', WORDS.get(language))} ", text)
    return _BARE.sub(lambda found: _spelt(found["host"], WORDS.get(language)), text)


def _mail(found: re.Match[str], words: Words | None) -> str:
    if words is None:
        return _spelt(found[0].removeprefix("mailto:"), None)
    return f"{_spelt(found['who'], words)} {words.at} {_spelt(found['where'], words)}"


def _url(rest: str, words: Words | None) -> str:
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    host = _HOST.match(authority)
    return _spelt(host["host"], words) if host else ""


def _spelt(name: str, words: Words | None) -> str:
    """Say the signs of an address."""
    if words is None:
        return name.replace("_", " underscore ")  # as markup it would go, and the address be another
    signs = {".": words.dot, "-": words.dash, "_": words.underscore, "+": words.plus, "%": words.percent}
    return re.sub(r"[._+%-]", lambda sign: f" {signs[sign[0]]} ", name).replace("  ", " ").strip()


@lru_cache(maxsize=32)
def _abbreviations(language: str) -> re.Pattern[str] | None:
    words = WORDS.get(language)
    if words is None or not (words.short or words.titles or words.numbered):
        return None
    every = sorted({**words.short, **words.titles, **words.numbered}, key=len, reverse=True)
    # a blank may stand after each full stop inside: "z. B."
    either = "|".join(re.sub(r"\\\.(?=.)", r"\\.\\s?", re.escape(each)) for each in every)
    return re.compile(rf"(?<![\w.])(?:{either})(?!\w)", re.IGNORECASE)


def abbreviations_spoken(text: str, language: str) -> str:
    """Say abbreviations in full: titles only before a name, "No." only before a number."""
    pattern, words = _abbreviations(language), WORDS.get(language)
    return text if pattern is None or words is None else pattern.sub(lambda found: _full(found, words), text)


_STREET: Final = re.compile(r"\d\s+(?:\w+\s+){1,3}\Z")
"""Before it, "Dr." is a drive."""


def _full(found: re.Match[str], words: Words) -> str:
    written, rest = re.sub(r"(?<=\.)\s", "", found[0]), found.string[found.end() :]
    before = found.string[max(0, found.start() - 40) : found.start()]
    upper = rest[:1].isspace() and rest.lstrip()[:1].isalpha() and not rest.lstrip()[:1].islower()
    if written in words.titles and upper and not _STREET.search(before):
        said = words.titles[written]
    elif written in words.numbered and re.match(r"\s?\d", rest):
        return words.numbered[written] + ("" if rest[:1].isspace() else " ")
    else:
        known = words.short.get(written) or words.short.get(written[:1].lower() + written[1:])
        if known is None:
            return found[0]
        said = known if written in words.short else known[:1].upper() + known[1:]
    return said + ("." if written.lower() in ENDING and (upper or not rest.strip()) else "")


_NUMBER: Final = r"[0-9]+(?:[.,][0-9]+)*"


def signs_spoken(text: str, language: str) -> str:
    """Say the signs between and before numbers, and the ampersand, where dropping them would change the meaning."""
    words = WORDS.get(language)
    if words is None:
        return text
    between = {"*": words.times, "×": words.times, "+": words.plus, "=": words.equals}  # noqa: RUF001 (the sign of multiplication)
    before = {"~": words.about, "≈": words.about, "#": words.number, "<": words.less, ">": words.more}
    text = re.sub(
        r"(?<=[0-9])(?:\s?([×])\s?|\s([*+=])\s|([+=]))(?=[-−]?[0-9])",  # noqa: RUF001 (signs of multiplication and minus)
        lambda found: f" {between[found[1] or found[2] or found[3]]} ",
        text,
    )
    text = re.sub(r"(?<![\w/<>#~=&.-])([~≈#<>])\s?(?=[0-9])", lambda found: f"{before[found[1]]} ", text)
    text = re.sub(rf"(?:(?<=\s)|\A)[-−](?={_NUMBER}(?![0-9.,:/-]*[-/:{LETTER}]))", f"{words.minus} ", text)  # noqa: RUF001 (a minus)
    return re.sub(r"(?<=\s)&(?=\s)", words.and_, text)
