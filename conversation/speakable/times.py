"""Verbalisation of dates and times of day. Pure."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from conversation.speakable import cldr
from conversation.speakable.numbers import LETTER, START, STOP
from conversation.speakable.signs import SIGN_NAMES

_ISO: Final = re.compile(
    rf"{START}(?P<year>[12]\d{{3}})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}}){STOP}"
)
_COMMON: Final = re.compile(
    rf"{START}(?P<a>\d{{1,2}})(?P<mark>[-/.])(?P<b>\d{{1,2}})(?P=mark)(?P<year>[12]\d{{3}}){STOP}"
)
_DAY_FIRST: Final = frozenset(
    {"es", "fr", "de", "it", "pt", "hi", "ar", "nl", "ru", "pl", "tr", "uk", "cs", "ro", "el"}
)
"""Languages with the day before the month in every country."""
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


def verbalize_times(text: str, language: str) -> str:
    """Verbalise dates and times, unless ambiguous."""
    text = _ISO.sub(lambda match: _day(match["year"], match["month"], match["day"], language) or match[0], text)
    text = _COMMON.sub(lambda match: _common(match, language), text)
    signs = SIGN_NAMES.get(language)
    if signs is None:
        return text
    if language == "en":
        text = _HALF_DAY.sub(_half_day, text)
    if language in {"fr", "pt"}:
        text = _HOUR_LETTER.sub(lambda match: _clock(match["hour"], match["minute"] or "0", language) or match[0], text)
    text = _SPAN.sub(lambda match: _span(match, language), text)
    tail = rf"(?:\s?{signs.time_tail}(?![{LETTER}]))?" if signs.time_tail else ""
    single = re.compile(rf"{START}{_CLOCK}{tail}{_AFTER}")
    text = single.sub(lambda match: _clock(match["hour"], match["minute"], language) or match[0], text)
    return _NUMBERS.sub(lambda match: _numbers(match, signs.to), text)


def _day(year: str, month: str, day: str, language: str) -> str | None:
    try:
        return cldr.long_date(date(int(year), int(month), int(day)), language)
    except ValueError:
        return None


def _common(match: re.Match[str], language: str) -> str:
    first, second = int(match["a"]), int(match["b"])
    day_first = first > 12 or match["mark"] == "." or language in _DAY_FIRST or first == second  # noqa: PLR2004 (months)
    if second > 12:  # noqa: PLR2004 (months)
        day_first = False
    elif not day_first:
        return match[0]
    month, day = (match["b"], match["a"]) if day_first else (match["a"], match["b"])
    return _day(match["year"], month, day, language) or match[0]


def _clock(hour: str, minute: str, language: str) -> str | None:
    signs, h, m = SIGN_NAMES.get(language), int(hour), int(minute)
    if signs is None:
        return None
    if language == "en":  # in words that are true of a time and of a score alike
        if m == 0 and not 1 <= h <= 12:  # noqa: PLR2004 (the hours of a clock)
            return None
        return f"{h} o'clock" if m == 0 else f"{h} {_minutes(m)}"
    said = (signs.hour if m == 0 else signs.time).format(h=h, m=m)
    return re.sub(r"^([01] heure|1 hora)s", r"\1", said) if h <= 1 else said


def _minutes(minute: int) -> str:
    return str(minute) if minute > 9 else f"oh {minute}"  # noqa: PLR2004 (two digits)


def _half_day(match: re.Match[str]) -> str:
    minute = int(match["minute"] or 0)
    said = f"{int(match['hour'])}{f' {_minutes(minute)}' if minute else ''} {match['half'].upper()}M"
    if match["low"]:
        said = f"{int(match['low'])} to {said}"
    rest = match.string[match.end() :]
    ends = not rest.strip() or (rest[:1].isspace() and rest.lstrip()[:1].isupper())
    return said + ("." if match["stop"] and (ends or not match["dot"]) else "")


def _span(match: re.Match[str], language: str) -> str:
    signs = SIGN_NAMES.get(language)
    low, high = (_clock(end[:-3], end[-2:], language) for end in (match["low"], match["high"]))
    return f"{low or match['low']} {signs.to} {high or match['high']}" if signs else match[0]


def _numbers(match: re.Match[str], to: str) -> str:
    """Verbalise a range, unless it may be a score or a telephone number."""
    low, high = match["low"], match["high"]
    if int(low) >= int(high) or (len(low) != len(high) and len(high) > 3):  # noqa: PLR2004 (digits of no telephone number)
        return match[0]
    return f"{low} {to} {high}"
