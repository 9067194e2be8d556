"""Verbalisation of addresses, abbreviations and signs. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from conversation.speakable.numbers import LETTER
from conversation.speakable.signs import ENDING, SIGN_NAMES, SignNames

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
_STREET: Final = re.compile(r"\d\s+(?:\w+\s+){1,3}\Z")  # before it, "Dr." is a drive
_NUMBER: Final = r"[0-9]+(?:[.,][0-9]+)*"


def verbalize_addresses(text: str, language: str) -> str:
    """Verbalise e-mail addresses, and of URLs the host."""
    text = _MAIL.sub(lambda match: _mail(match, SIGN_NAMES.get(language)), text)
    text = _URL.sub(lambda match: f" {_url(match['rest'] or '', SIGN_NAMES.get(language))} ", text)
    return _BARE.sub(lambda match: _spell_out(match["host"], SIGN_NAMES.get(language)), text)


def _mail(match: re.Match[str], names: SignNames | None) -> str:
    if names is None:
        return _spell_out(match[0].removeprefix("mailto:"), None)
    return f"{_spell_out(match['who'], names)} {names.at} {_spell_out(match['where'], names)}"


def _url(rest: str, names: SignNames | None) -> str:
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    host = _HOST.match(authority)
    return _spell_out(host["host"], names) if host else ""


def _spell_out(name: str, names: SignNames | None) -> str:
    if names is None:
        return name.replace("_", " underscore ")  # it would be removed as markup
    signs = {".": names.dot, "-": names.dash, "_": names.underscore, "+": names.plus, "%": names.percent}
    return re.sub(r"[._+%-]", lambda sign: f" {signs[sign[0]]} ", name).replace("  ", " ").strip()


@lru_cache(maxsize=32)
def _abbreviations(language: str) -> re.Pattern[str] | None:
    names = SIGN_NAMES.get(language)
    if names is None or not (names.short or names.titles or names.numbered):
        return None
    every = sorted({**names.short, **names.titles, **names.numbered}, key=len, reverse=True)
    # a blank may stand after each full stop inside: "z. B."
    either = "|".join(re.sub(r"\\\.(?=.)", r"\\.\\s?", re.escape(each)) for each in every)
    return re.compile(rf"(?<![\w.])(?:{either})(?!\w)", re.IGNORECASE)


def verbalize_abbreviations(text: str, language: str) -> str:
    """Write abbreviations in full: titles only before a name, "No." only before a number."""
    pattern, names = _abbreviations(language), SIGN_NAMES.get(language)
    return text if pattern is None or names is None else pattern.sub(lambda match: _expand(match, names), text)


def _expand(match: re.Match[str], names: SignNames) -> str:
    short, rest = re.sub(r"(?<=\.)\s", "", match[0]), match.string[match.end() :]
    before = match.string[max(0, match.start() - 40) : match.start()]
    before_name = rest[:1].isspace() and rest.lstrip()[:1].isalpha() and not rest.lstrip()[:1].islower()
    if short in names.titles and before_name and not _STREET.search(before):
        full = names.titles[short]
    elif short in names.numbered and re.match(r"\s?\d", rest):
        return names.numbered[short] + ("" if rest[:1].isspace() else " ")
    else:
        known = names.short.get(short) or names.short.get(short[:1].lower() + short[1:])
        if known is None:
            return match[0]
        full = known if short in names.short else known[:1].upper() + known[1:]
    return full + ("." if short.lower() in ENDING and (before_name or not rest.strip()) else "")


def verbalize_signs(text: str, language: str) -> str:
    """Verbalise the signs between and before numbers, and the ampersand."""
    names = SIGN_NAMES.get(language)
    if names is None:
        return text
    between = {"*": names.times, "×": names.times, "+": names.plus, "=": names.equals}  # noqa: RUF001 (the sign of multiplication)
    before = {"~": names.about, "≈": names.about, "#": names.number, "<": names.less, ">": names.more}
    text = re.sub(
        r"(?<=[0-9])(?:\s?([×])\s?|\s([*+=])\s|([+=]))(?=[-−]?[0-9])",  # noqa: RUF001 (signs of multiplication and minus)
        lambda match: f" {between[match[1] or match[2] or match[3]]} ",
        text,
    )
    text = re.sub(r"(?<![\w/<>#~=&.-])([~≈#<>])\s?(?=[0-9])", lambda match: f"{before[match[1]]} ", text)
    text = re.sub(rf"(?:(?<=\s)|\A)[-−](?={_NUMBER}(?![0-9.,:/-]*[-/:{LETTER}]))", f"{names.minus} ", text)  # noqa: RUF001 (a minus)
    return re.sub(r"(?<=\s)&(?=\s)", names.and_, text)
