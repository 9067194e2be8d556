"""Numbers with what belongs to them — groups, currencies, percentages, units — as they are said. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from providers import spoken_cldr as cldr
from providers.spoken_words import WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

LETTER: Final = "A-Za-z\u00aa\u00ba\u00c0-\u024f"
"""Latin letters, for a class: beside those of other scripts a number may stand without a space."""
START: Final = rf"(?<![{LETTER}0-9_.,:/@#%+\-−–])"  # noqa: RUF001 (a minus and a dash are what it looks for)
"""Nothing before, that a number would be a part of."""
STOP: Final = rf"(?![{LETTER}0-9_/@²³]|[.,:][0-9]|[-−–][{LETTER}0-9])"  # noqa: RUF001 (the same)
"""Nothing after it."""
AMOUNT: Final = r"[0-9]+(?:[.,][0-9]+)*"
RANGE: Final = rf"(?:(?P<low>{AMOUNT})\s?[-–]\s?)?"  # noqa: RUF001 (a range is written with either dash)
SIGN: Final = r"(?P<sign>[-−](?=[0-9]))?"  # noqa: RUF001 (the sign that a minus is)
_GROUP: Final = 3
_BYTE: Final = 255
_LAKHS: Final = frozenset({"hi", "bn", "mr", "gu", "ta", "te", "kn", "ml", "pa", "ur", "ne"})
"""Languages that group by hundreds above the thousand: 12,34,567."""
_EITHER: Final = frozenset({"es"})
"""Languages in which 1,234 is a thousand here and one and a bit there."""
NO_SPACE: Final = frozenset({"zh", "ja"})


def read(written: str, language: str) -> Decimal | None:
    """Read a number with points and commas; None when it may be meant in more than one way, or is none."""
    marks = re.findall(r"[.,]", written)
    if not marks:
        return Decimal(written)
    last, first = marks[-1], marks[0]
    if last != first:
        whole, _, rest = written.rpartition(last)
        return Decimal(f"{_joined(whole, language)}.{rest}") if last not in whole and _joined(whole, language) else None
    if len(marks) > 1:
        return Decimal(_joined(written, language)) if _joined(written, language) else None
    whole, _, rest = written.partition(last)
    if len(rest) != _GROUP or len(whole) > _GROUP or whole.startswith("0"):
        return Decimal(f"{whole}.{rest}")
    if language in _EITHER:
        return None
    return Decimal(f"{whole}.{rest}") if last == cldr.decimal_sign(language) else Decimal(whole + rest)


def _joined(written: str, language: str) -> str:
    """Take the marks between groups out; empty when they are no such marks."""
    groups = re.split(r"[.,]", written)
    address = "." in written and len(groups) == _GROUP + 1 and all(int(group) <= _BYTE for group in groups)
    middle = (2, _GROUP) if language in _LAKHS else (_GROUP,)
    right = all(len(group) in middle for group in groups[1:-1]) and len(groups[-1]) == _GROUP
    short = len(groups[0]) <= _GROUP and not written.startswith("0")
    return "".join(groups) if short and (right or len(groups) == 1) and not address else ""


def said_number(value: Decimal, language: str) -> str:
    """Write a number as voices read it: no groups, the language's decimal sign, large round ones in words."""
    return cldr.large(value, language) or f"{value:f}".replace(".", cldr.decimal_sign(language))


def _grouped(found: re.Match[str], language: str) -> str:
    """Say a number written in groups; one that only has decimals stays as it is, for it may be a version."""
    value = read(found[0], language)
    if value is None or len(f"{value:f}") == len(found[0]):
        return found[0]
    return said_number(value, language)


_GROUPED: Final = re.compile(rf"{START}[0-9]{{1,3}}(?:[.,][0-9]{{2,3}})+(?:[.,][0-9]+)?{STOP}")
_THOUSANDS: Final = re.compile(rf"{START}[0-9]{{1,3}}(?: 000)+{STOP}")
_BLANK_GROUPS: Final = re.compile(rf"{START}[0-9]{{1,3}}(?: [0-9]{{3}})+(?=[.,][0-9]{{1,2}}(?![0-9])|\s?[€$£₽%])")
_BLANKS: Final = frozenset({"fr", "ru", "uk", "be", "bg", "pl", "cs", "sk", "hu", "sv", "no", "fi", "es", "pt"})
"""Languages that group by a blank; only decimals or a sign after it tell that it is not two numbers."""
_MILLIONS: Final = re.compile(rf"{START}(?P<much>{AMOUNT})M(?![{LETTER}0-9²³/])")
_PERCENT: Final = re.compile(rf"{START}{SIGN}{RANGE}(?P<much>{AMOUNT})\s?%(?![{LETTER}0-9])")
_UNITS: Final = {
    "km/h": "speed-kilometer-per-hour", "kph": "speed-kilometer-per-hour", "kmh": "speed-kilometer-per-hour",
    "mph": "speed-mile-per-hour", "m/s": "speed-meter-per-second", "km²": "area-square-kilometer",
    "m²": "area-square-meter", "km": "length-kilometer", "cm": "length-centimeter", "mm": "length-millimeter",
    "kg": "mass-kilogram", "mg": "mass-milligram", "lbs": "mass-pound", "lb": "mass-pound", "ml": "volume-milliliter",
    "mL": "volume-milliliter", "°C": "temperature-celsius", "℃": "temperature-celsius", "°F": "temperature-fahrenheit",
    "℉": "temperature-fahrenheit", "°": "angle-degree", "kWh": "energy-kilowatt-hour", "kW": "power-kilowatt",
    "KB": "digital-kilobyte", "kB": "digital-kilobyte", "MB": "digital-megabyte", "GB": "digital-gigabyte",
    "TB": "digital-terabyte", "kHz": "frequency-kilohertz", "MHz": "frequency-megahertz", "GHz": "frequency-gigahertz",
    "Hz": "frequency-hertz", "ft": "length-foot", "min": "duration-minute", "hrs": "duration-hour",
}  # fmt: skip
_SPACED_UNITS: Final = {
    "m": "length-meter",
    "g": "mass-gram",
    "l": "volume-liter",
    "L": "volume-liter",
    "h": "duration-hour",
}
"""Units of one letter: only after a space, for 5m may be millions, and 5g a network."""
_UNIT_NAMES: Final = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_UNIT: Final = re.compile(
    rf"{START}{SIGN}{RANGE}(?P<much>{AMOUNT})(?:\s?(?P<unit>{_UNIT_NAMES})|\s(?P<letter>[mglLh]))"
    rf"(?![{LETTER}0-9²³/]|[-'’.·][{LETTER}0-9])"  # noqa: RUF001 (an apostrophe as it is typeset)
)


def with_sign(found: re.Match[str], said: str, language: str) -> str:
    """Put the word for its minus before a measure."""
    if not found["sign"]:
        return said
    words = WORDS.get(language)
    return f"{words.minus}{'' if language in NO_SPACE else ' '}{said}" if words else f"-{said}"


def with_low(found: re.Match[str], said: str, language: str) -> str | None:
    """Put a range's beginning before its end; None where it cannot be said."""
    if not found["low"]:
        return said
    words, low = WORDS.get(language), read(found["low"], language)
    if words is None or low is None:
        return None
    return f"{said_number(low, language)} {words.to} {said}"


def measured(found: re.Match[str], said: Callable[[Decimal], str | None], language: str) -> str:
    """Say a measure, its range and its sign; leave it as it is when any of that is in doubt."""
    value = read(found["much"], language)
    one = said(value) if value is not None else None
    whole = with_low(found, one, language) if one is not None else None
    return found[0] if whole is None else with_sign(found, whole, language)


def _percent(value: Decimal, language: str) -> str | None:
    words = WORDS.get(language)
    if words is None:
        return cldr.quantity(value, "concentr-percent", language)
    if language == "zh":  # "of a hundred parts" comes first
        return f"{words.percent}{said_number(value, language)}"
    return f"{said_number(value, language)}{'' if language in NO_SPACE else ' '}{words.percent}"


def multiplied(value: Decimal, factor: int) -> Decimal:
    """Multiply, without an exponent to show for it."""
    return value if factor == 1 else Decimal(f"{(value * factor).normalize():f}")


def _unit(found: re.Match[str], language: str) -> str:
    unit = _UNITS[found["unit"]] if found["unit"] else _SPACED_UNITS[found["letter"]]
    return measured(found, lambda value: cldr.quantity(value, unit, language), language)


def _millions(found: re.Match[str], language: str) -> str:
    value = read(found["much"], language)
    return (cldr.large(multiplied(value, 10**6), language) if value is not None else None) or found[0]


def joined(text: str, language: str) -> str:
    """Take the blanks between groups of digits out, where they are surely that."""
    text = _THOUSANDS.sub(lambda found: found[0].replace(" ", ""), text)
    return _BLANK_GROUPS.sub(lambda found: found[0].replace(" ", ""), text) if language in _BLANKS else text


def numbers_spoken(text: str, language: str) -> str:
    """Say the numbers of a text that a voice would stumble over; plain digits stay, for voices read them well."""
    text = _PERCENT.sub(lambda found: measured(found, lambda v: _percent(v, language), language), text)
    text = _UNIT.sub(lambda found: _unit(found, language), text)
    text = _MILLIONS.sub(lambda found: _millions(found, language), text)
    return _GROUPED.sub(lambda found: _grouped(found, language), text)
