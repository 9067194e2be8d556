"""Dates and times of day as they are said. Pure."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from providers import spoken_cldr as cldr
from providers.spoken_numbers import LETTER, START, STOP
from providers.spoken_words import WORDS

_ISO: Final = re.compile(
    rf"{START}(?P<year>[12]\d{{3}})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}}){STOP}"
)
_COMMON: Final = re.compile(
    rf"{START}(?P<a>\d{{1,2}})(?P<mark>[-/.])(?P<b>\d{{1,2}})(?P=mark)(?P<year>[12]\d{{3}}){STOP}"
)
_DAY_FIRST: Final = frozenset(
    {"es", "fr", "de", "it", "pt", "hi", "ar", "nl", "ru", "pl", "tr", "uk", "cs", "ro", "el"}
)
"""Languages that put the day before the month wherever they are spoken; English does both."""
_HOUR: Final = r"(?:[01]?[0-9]|2[0-3])"
_TIME: Final = rf"{_HOUR}:[0-5][0-9]"
_CLOCK: Final = rf"(?P<hour>{_HOUR}):(?P<minute>[0-5][0-9])"
_AFTER: Final = rf"(?![{LETTER}0-9_/%$€£°]|[.,:][0-9]|[-−–][0-9{LETTER}])"  # noqa: RUF001 (a minus and a dash are what it looks for)
_SPAN: Final = re.compile(rf"{START}(?P<low>{_TIME})\s?[-–]\s?(?P<high>{_TIME})(?![{LETTER}0-9:]|[.,][0-9])")  # noqa: RUF001 (a span is written with either dash)
_HALF_DAY: Final = re.compile(
    rf"{START}(?:(?P<low>1[0-2]|0?[1-9])\s?[-–]\s?)?(?P<hour>1[0-2]|0?[1-9])(?:[:.](?P<minute>[0-5][0-9]))?"  # noqa: RUF001 (a span is written with either dash)
    rf"\s?(?P<half>[AaPp])(?P<dot>\.)?\s?[Mm](?![{LETTER}0-9])(?P<stop>\.)?"
)
_HOUR_LETTER: Final = re.compile(rf"{START}(?P<hour>{_HOUR})\s?h\s?(?P<minute>[0-5][0-9])?{STOP}")
_NUMBERS: Final = re.compile(rf"{START}(?P<low>[0-9]{{1,4}})\s?–\s?(?P<high>[0-9]{{1,4}}){STOP}")  # noqa: RUF001 (a dash between numbers is "to")


def _day(year: str, month: str, day: str, language: str) -> str | None:
    try:
        return cldr.day(date(int(year), int(month), int(day)), language)
    except ValueError:
        return None


def _common(found: re.Match[str], language: str) -> str:
    """Say a date that ends in the year, where day and month can be told apart."""
    first, second = int(found["a"]), int(found["b"])
    day_first = first > 12 or found["mark"] == "." or language in _DAY_FIRST or first == second  # noqa: PLR2004 (months)
    if second > 12:  # noqa: PLR2004 (months)
        day_first = False
    elif not day_first:
        return found[0]
    month, day = (found["b"], found["a"]) if day_first else (found["a"], found["b"])
    return _day(found["year"], month, day, language) or found[0]


def _clock(hour: str, minute: str, language: str) -> str | None:
    """Say a time of day; None where the language has no words for it, or the hour might be no hour."""
    words, h, m = WORDS.get(language), int(hour), int(minute)
    if words is None:
        return None
    if language == "en":  # said so that it is true of a time and of a score alike
        if m == 0 and not 1 <= h <= 12:  # noqa: PLR2004 (the hours of a clock)
            return None
        return f"{h} o'clock" if m == 0 else f"{h} {_minutes(m)}"
    said = (words.hour if m == 0 else words.time).format(h=h, m=m)
    return re.sub(r"^([01] heure|1 hora)s", r"\1", said) if h <= 1 else said


def _minutes(minute: int) -> str:
    return str(minute) if minute > 9 else f"oh {minute}"  # noqa: PLR2004 (two digits)


def _half_day(found: re.Match[str]) -> str:
    """Say a time with "am" or "pm", in English."""
    minute = int(found["minute"] or 0)
    said = f"{int(found['hour'])}{f' {_minutes(minute)}' if minute else ''} {found['half'].upper()}M"
    if found["low"]:
        said = f"{int(found['low'])} to {said}"
    rest = found.string[found.end() :]
    ends = not rest.strip() or (rest[:1].isspace() and rest.lstrip()[:1].isupper())
    return said + ("." if found["stop"] and (ends or not found["dot"]) else "")


def _span(found: re.Match[str], language: str) -> str:
    words = WORDS.get(language)
    low, high = (_clock(end[:-3], end[-2:], language) for end in (found["low"], found["high"]))
    return f"{low or found['low']} {words.to} {high or found['high']}" if words else found[0]


def times_spoken(text: str, language: str) -> str:
    """Say the dates and times of a text; what might be meant in two ways stays as it is."""
    text = _ISO.sub(lambda found: _day(found["year"], found["month"], found["day"], language) or found[0], text)
    text = _COMMON.sub(lambda found: _common(found, language), text)
    words = WORDS.get(language)
    if words is None:
        return text
    if language == "en":
        text = _HALF_DAY.sub(_half_day, text)
    if language in {"fr", "pt"}:
        text = _HOUR_LETTER.sub(lambda found: _clock(found["hour"], found["minute"] or "0", language) or found[0], text)
    text = _SPAN.sub(lambda found: _span(found, language), text)
    tail = rf"(?:\s?{words.time_tail}(?![{LETTER}]))?" if words.time_tail else ""
    single = re.compile(rf"{START}{_CLOCK}{tail}{_AFTER}")
    text = single.sub(lambda found: _clock(found["hour"], found["minute"], language) or found[0], text)
    return _NUMBERS.sub(lambda found: _numbers(found, words.to), text)


def _numbers(found: re.Match[str], to: str) -> str:
    """Say a range of numbers; what falls may be a score, and what grows long a telephone number."""
    low, high = found["low"], found["high"]
    if int(low) >= int(high) or (len(low) != len(high) and len(high) > 3):  # noqa: PLR2004 (digits of no telephone number)
        return found[0]
    return f"{low} {to} {high}"
